/* The sums of products on the tile unit: their place, and their epilogue. */
#ifndef LATENTC_EMIT_TILES_RESULTS_H
#define LATENTC_EMIT_TILES_RESULTS_H
#include "emit_task.h"
#include "tiles.h"

/* One or two vectors of the block. With GEGLU each holds values and their gates. */
typedef struct {
    int v[TILE_MOST], n;
} Columns;
/* `m` neighbouring tiles of pixels, the first of them `tile`, by one or two of columns. buffer:
 * which of two places in scratch takes their sums where a contract has one chunk. */
typedef struct {
    const ContractTask *task;
    const PanelBlock *b;
    const Columns *cols;
    V tile, buffer;
    int m;
} TileGroup;
/* A tile's first pixel in the strip, and how many of its rows are pixels. */
typedef struct {
    V pixel, valid;
} TileLine;

/* Of tile number `tile` of the strip. */
TileLine tile_line_at(Emit *e, const ContractTask *task, V tile);
/* Tiles t and t + 1 are neighbours in a line where t is even, as all are that have a partner. */
bool tiles_are_neighbours(const Contract *c);

/* The sums of a group: their place, and their pixels. */
typedef struct {
    TileGroup g;
    /* Of column tile j: sums of the first tile of pixels. */
    V sums[TILE_MOST];
    /* Output pixel of the first tile; the distance to that of the second. batch NULL: each
     * row has its own. */
    V pixel, batch, step;
    /* Rows of each tile that are pixels. */
    V valid[TILE_MOST];
    /* Output pixel where the strip begins. */
    V first;
} TileResults;

/* Of group g. */
TileResults tile_results(Emit *e, const TileGroup *g);
/* Floats from the sums of one tile of pixels to those of the next. */
int64_t tile_results_stride(const Contract *c);
/* Rows of all tiles of the group; one row through the epilogue. */
int64_t tile_results_rows(const TileResults *r);
void tile_results_finish_row(Emit *e, const TileResults *r, V row);
#endif
