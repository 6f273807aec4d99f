/* What differs between the versions of LLVM that latentc is built with (cmake/llvm.cmake: 19 to
 * 22). Everything else that calls LLVM is the same for all of them. */
#ifndef LATENTC_LLVM_VERSIONS_H
#define LATENTC_LLVM_VERSIONS_H
#include "emit.h"

/* The lanes of a vector of `type` at p whose bit of `mask` (a vector of i1) is set, the others
 * from `otherwise`; alignment 4. */
V masked_load(Emit *e, LLVMTypeRef type, V p, V mask, V otherwise);
/* Stores those lanes of v; alignment 4. */
void masked_store(Emit *e, V v, V p, V mask);
#endif
