/* Where weights come from: checkpoints (checkpoint.h) or the synthetic generator. The layout that
 * callers get is always Keras': convolutions HWIO, dense kernels (in,out). */
#ifndef LATENTC_WEIGHTS_H
#define LATENTC_WEIGHTS_H
#include "ir.h"
#include "stored.h"

typedef struct WeightSource WeightSource;
struct Checkpoint;
struct Scheme;

/* ---- weights.c ---- */

/* A source for one graph. spec: "synthetic:SEED", or what checkpoint_open takes; model: the graph's
 * name. err() on anything unreadable. weights_close frees it. */
WeightSource *weights_open(const char *spec, const char *model);

/* The same from an open checkpoint, which the caller closes after the source. */
WeightSource *weights_from(struct Checkpoint *c, const char *model);

/* Frees the source. Closes the checkpoint that weights_open opened, not that of weights_from. */
void weights_close(WeightSource *w);

/* Is it "synthetic:..."? */
bool weights_synthetic(const char *spec);

/* A short text about the contents for --info: file names and sizes, or the seed. */
const char *weights_describe(const WeightSource *w);

/* How a graph and a checkpoint differ. */
typedef struct {
    /* Weights of the graph; of these, those the checkpoint lacks and those it has in another shape;
     * tensors of this model that the graph does not need. */
    size_t n, n_missing, n_wrong, n_extra;
    /* Quoted, with the stored name. */
    const char **missing;
    /* Sentences. */
    const char **wrong;
    const char **extra;
} WeightFit;

/* Compares a graph with the source; texts are the arena's. Not for synthetic sources. */
WeightFit weights_fit(WeightSource *w, const Graph *g, Arena *a);

/* err() unless every weight of g is there with its shape and nothing of this model is left over;
 * the message names the first of each and counts the rest. */
void weights_check(WeightSource *w, const Graph *g);

/* Reads one stored tensor of the graph's shape as f32 into dst, shape_count(shape) floats. err()
 * when it is missing, has another shape, or NaN or infinity inside. Thread-safe. */
void weights_read(WeightSource *w, const char *path, const Shape *shape, float *dst);

/* Reads a weight tensor of the graph: its parts scaled and concatenated. dst has
 * shape_count(&t->shape) floats. Thread-safe. */
void weights_read_tensor(WeightSource *w, const Graph *g, TensorId t, float *dst);

/* Reads one weight as f32 in the order in which scheme s stores it, if it can do so directly: then
 * true. False: dst is in the graph's order, and the scheme's order is another. */
bool weights_read_as(WeightSource *w, const Graph *g, const struct Scheme *s, const char *path,
                     const Shape *shape, float *dst);

/* Is the tensor one weight, stored in the graph's order in a mapped file? Then weights_read_run can
 * read any run of its numbers. */
bool weights_in_order(WeightSource *w, const Graph *g, TensorId t);

/* Reads numbers first .. first + n - 1 of such a tensor, as f32. */
void weights_read_run(WeightSource *w, const Graph *g, TensorId t, int64_t first, int64_t n,
                      float *dst);

/* The type in which a weight is stored, or the smallest of F16 and F32 that has its values where
 * that has 8 bits; F32 when synthetic. */
StDtype weights_dtype(WeightSource *w, const Graph *g, const char *path);

/* ---- synthetic.c ---- */

/* The weight `path` of `model` from a seed, as synthetic.py of the tests defines it, bit for bit:
 * shape_count(shape) floats. In parallel over the elements (OpenMP). */
void synthetic_weight(uint64_t seed, const char *model, const char *path, const Shape *shape,
                      float *dst);
#endif
