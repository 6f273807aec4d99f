/* From a kernel's description to its LLVM function, whatever its kind. */
#ifndef LATENTC_EMIT_KERNEL_H
#define LATENTC_EMIT_KERNEL_H
#include "emit.h"
#include "kernel_kind.h"

/* Emits the kernel that `description` (of that kind, see kernels.def) says, under that name, into
 * e's module. Returns the function. */
V emit_kernel(Emit *e, KernelKind kind, const void *description, const char *name);
#endif
