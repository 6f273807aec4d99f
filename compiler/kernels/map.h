/* Maps: elementwise work and layout changes; a task is `per` rows. */
#ifndef LATENTC_MAP_H
#define LATENTC_MAP_H
#include "arith.h"

typedef enum {
    MAP_SWISH,
    MAP_GELU_TANH,
    MAP_GELU_ERF,
    MAP_GEGLU_TANH,
    MAP_GEGLU_ERF,
    MAP_SCALE,
    MAP_ADD,
    MAP_ADD_VEC,
    MAP_AFFINE,
    MAP_CONCAT,
    MAP_BROADCAST,
    MAP_UPSAMPLE,
    MAP_SLICE,
    MAP_EMBEDDING,
    MAP_COPY,
    MAP_LAYER_NORM,
    MAP_SOFTMAX
} MapKind;
typedef struct {
    int kind;
    /* Of the result. */
    int64_t rows, c;
    /* Channels of the first operand's rows (geglu: 2c; concat: its own share; slice: all). */
    int64_t c1;
    /* ADD_VEC, AFFINE: rows that share a vector. */
    int64_t rows_per_batch;
    /* BROADCAST, CONCAT: rows of the first operand; ADD, CONCAT: of the second. Fewer than `rows`
     * repeat. */
    int64_t x_rows, y_rows;
    /* UPSAMPLE: width and height of the result. */
    int64_t w, h;
    /* SLICE: first channel. */
    int64_t offset;
    /* EMBEDDING: ids are clamped into the table. */
    int64_t table_rows;
    /* SCALE: factor; LAYER_NORM: eps. */
    double value;
    int64_t per;
} Map;
void map_plan(Map *m); /* sets per */
int64_t map_tasks(const Map *m);
#endif
