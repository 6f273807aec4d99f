/* Transforming plain 3x3 kernels. */
#ifndef LATENTC_EMIT_WINOGRAD_KERNEL_H
#define LATENTC_EMIT_WINOGRAD_KERNEL_H
#include "emit_task.h"

/* Of a plain kernel (winograd_pack.h): `count` channels at `stored`, of one block of nvec vectors,
 * to `out` [position][channel][column]; `position` floats between positions. */
void emit_winograd_kernel(Emit *e, const Contract *c, V stored, V out, V count, int nvec,
                          int64_t position);
#endif
