/* A conversion of weights: what the forms that are written (rows of forms[] in weights_convert.c)
 * share. */
#ifndef LATENTC_WEIGHTS_CONVERT_H
#define LATENTC_WEIGHTS_CONVERT_H
#include "progress.h"
#include "weights_cmd.h"
#include "safetensors.h"

/* One tensor that is written: a weight, or up to three that share it. */
typedef struct {
    SubjectModel *model;
    const char *path[3];
    int parts;
    Shape shape;   /* of one weight, in the graph's layout */
    StEntry entry; /* name, type and shape as written */
} Written;

typedef struct {
    Subject *subject;
    const Scheme *scheme; /* the one that is written */
    const char *out;
    Written *list; /* in the order of the graphs */
    int n;
    double bytes, done;
    lrt_progress bar;
    void (*put)(void *into, const void *data, size_t bytes); /* where the numbers go */
    void *into;
    float *read, *turned;
    size_t read_floats, turned_floats;
} Conversion;
/* Writes all tensors whose names begin with the prefix into one safetensors file, names without it;
 * nothing when there are none. */
void conversion_file(Conversion *v, const char *path, const char *prefix, const char *const *meta,
                     size_t n_meta);
/* Reads, turns into the scheme's layout and puts one tensor. */
void conversion_write(Conversion *v, const Written *w);

/* diffusers_write.c: the folder, with configs that say what the pipeline's graphs have. */
void diffusers_write(Conversion *v);

/* keras_write.c: a file for each model. */
void keras_write(Conversion *v);  /* the layout in which order counts */
void keras3_write(Conversion *v); /* Keras 3's */
#endif
