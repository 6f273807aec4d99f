/* The models that a pipeline consists of: a row of models.def each. */
#ifndef LATENTC_MODELS_H
#define LATENTC_MODELS_H
#include <stdbool.h>

/* ---- models.c ---- */

/* Index of a model. */
typedef enum {
#define MODEL(id, ...) MODEL_##id,
#include "models.def"
#undef MODEL
    MODEL_COUNT
} ModelId;

/* How many models a generator has for each size of pictures, and how many for all sizes. */
#define ONCE 0
#define PER_SIZE 1
#define MODEL(id, name, measured, need, number, ...) +number
enum {
    MODELS_PER_SIZE = 0
#include "models.def"
    ,
    MODELS_ONCE = MODEL_COUNT - MODELS_PER_SIZE
};
#undef MODEL
#undef PER_SIZE
#undef ONCE

/* A row of models.def; the columns are explained there. */
typedef struct {
    const char *name, *measured;
    bool required, per_size, guided;
    const char *decides;
} ModelRow;

extern const ModelRow model_rows[MODEL_COUNT];
#endif
