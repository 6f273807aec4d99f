/* Transforming plain 3x3 kernels. */
#ifndef LATENTC_EMIT_WINOGRAD_KERNEL_H
#define LATENTC_EMIT_WINOGRAD_KERNEL_H
#include "emit_task.h"

/* `count` channels of one block of nvec vectors: plain at `stored` (winograd_pack.h), transformed
 * at `out` [position][channel][column]; `position` floats between positions. */
typedef struct {
    V stored, out, count;
    int nvec;
    int64_t position;
} PlainKernel;
/* Transforms them: G g, or G g G'. */
void emit_winograd_kernel(Emit *e, const Contract *c, const PlainKernel *k);
#endif
