/* Products of a direct contract on the tile unit. */
#ifndef LATENTC_EMIT_TILES_H
#define LATENTC_EMIT_TILES_H
#include "emit_task.h"

/* The products of a whole strip with one chunk's panel and, in the last chunk, their epilogue. */
void tile_block(Emit *e, const ContractTask *task, const PanelBlock *b);
#endif
