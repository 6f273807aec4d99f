/* Dispatch from a kernel's kind to its emitter: the rows of kernels.def. */
#include "emit_kernel.h"
#include "emitters.h"
#include "err.h"

static void emit_products(Emit *e, const Contract *c, const char *name)
{
    (c->winograd ? emit_winograd : emit_contract)(e, c, name);
}

static void emit_product_inputs(Emit *e, const Contract *c, const char *name)
{
    (c->winograd ? emit_winograd_load : emit_contract_load)(e, c, name);
}

V emit_kernel(Emit *e, KernelKind kind, const void *description, const char *name)
{
    switch (kind) {
#define KERNEL(k, text, type, emitter, ...) \
    case KERNEL_##k:                        \
        emitter(e, description, name);      \
        break;
#include "kernels.def"
#undef KERNEL
    case KERNEL_KINDS: die("no such kind of kernel");
    }
    return e->fn;
}
