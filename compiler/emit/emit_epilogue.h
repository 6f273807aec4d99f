/* The epilogue of a contract: from sums of products to stored results. */
#ifndef LATENTC_EMIT_EPILOGUE_H
#define LATENTC_EMIT_EPILOGUE_H
#include "emit_sums.h"
#include "emit_task.h"

/* A vector of the result: `valid` channels from channel `offset` of block j on, of output pixel
 * `pixel` of image `batch`. */
typedef struct {
    V j, offset, pixel, batch;
    int valid;
} OutputVector;
/* Bias, vector, activation, residual, store of sums r. gate: the other half of GEGLU, else NULL.
 * Returns the stored vector. */
V contract_finish(Emit *e, const ContractTask *task, V r, V gate, const OutputVector *o);
/* The strip's sums of the channels of o. first, r: as sums_begin has them. */
ChannelSums contract_sums(Emit *e, const ContractTask *task, const OutputVector *o, V first, V r);
#endif
