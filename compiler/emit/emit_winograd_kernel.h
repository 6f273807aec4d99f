/* Transforming plain 3x3 kernels. */
#ifndef LATENTC_EMIT_WINOGRAD_KERNEL_H
#define LATENTC_EMIT_WINOGRAD_KERNEL_H
#include "emit_task.h"

/* `count` channels from `first` on, of block j of nvec vectors: out of the plain panels of a
 * kernel, all of them at `stored`; transformed at `out`, in panels too (`panel` words each) or,
 * with panel 0, in rows of all vectors. Words of 4 bytes between positions and between rows there.
 */
typedef struct {
    V stored, j, first, out, count;
    int nvec;
    int64_t position, row, panel;
} PlainKernel;
/* Transforms them: G g, or G g G'. */
void emit_winograd_kernel(Emit *e, const Contract *c, const PlainKernel *k);
#endif
