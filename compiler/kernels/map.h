/* Maps: elementwise work and layout changes; a task is `per` rows. */
#ifndef LATENTC_MAP_H
#define LATENTC_MAP_H
#include "arith.h"

typedef enum {
#define MAP(e, name, operands) MAP_##e,
#include "maps.def"
} MapKind;
enum {
    MAP_KINDS = 0
#define MAP(e, name, operands) +1
#include "maps.def"
};
/* As the text form of a program writes them. */
extern const char *const map_names[MAP_KINDS];

/* The description of a map kernel. Fields that its kind does not use are zero. */
typedef struct {
    /* MapKind. */
    int kind;
    /* ACTIVATION, GATED: Activation (fusion.h). */
    int act;
    /* Of the result. */
    int64_t rows, c;
    /* Channels of the first operand's rows (concat: its own share; slice: all). */
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
    /* EMBEDDING: the table holds bf16. */
    int table_bf16;
    /* SCALE: factor; LAYER_NORM: eps. */
    double value;
    /* SCALE: is added after it. */
    double shift;
    /* Rows of a task. */
    int64_t per;
} Map;

/* Sets m->per, from rows and c. */
void map_plan(Map *m);

/* Tasks of the kernel. */
int64_t map_tasks(const Map *m);
#endif
