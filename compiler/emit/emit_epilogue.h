/* The epilogue of a contract: from sums of products to stored results. */
#ifndef LATENTC_EMIT_EPILOGUE_H
#define LATENTC_EMIT_EPILOGUE_H
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
/* Where the strip's sums (emit_sums.h) of the channels from `offset` of block j on are stored. */
V contract_sums_at(Emit *e, const ContractTask *task, V j, V offset);
#endif
