/* Where weights come from: checkpoints (checkpoint.h) or the synthetic generator. Layout is always
 * Keras': conv HWIO, dense (in,out). */
#ifndef LATENTC_WEIGHTS_H
#define LATENTC_WEIGHTS_H
#include "ir.h"
typedef struct WeightSource WeightSource;
/* spec: "synthetic:SEED", or what checkpoint_open takes. model: the graph's name. err() on anything
 * unreadable: truncated, overlapping or out-of-range offsets, header over 100 MB, wrong dtype, ...
 */
WeightSource *weights_open(const char *spec, const char *model);
struct Checkpoint;
/* The same from an open checkpoint, which the caller closes after the source. */
WeightSource *weights_from(struct Checkpoint *c, const char *model);
bool weights_synthetic(const char *spec);
/* What the checkpoint lacks of g's weights, has of this model beyond them, and has in another
 * shape; texts in a. Not for synthetic sources. */
typedef struct {
    size_t n /* weights of g */, n_missing, n_extra, n_wrong;
    const char **missing /* quoted, with the stored name */, **extra, **wrong /* sentences */;
} WeightFit;
WeightFit weights_fit(WeightSource *w, const Graph *g, Arena *a);
/* Checks that every weight of g is there with its shape and that nothing of this model is left
 * over; err() names the first of each and counts the rest. */
void weights_check(WeightSource *w, const Graph *g);
/* One stored tensor, whole, as f32 (f16, bf16 and f64 are converted), into dst (count elements).
 * err() when missing, of another shape, or NaN/Inf inside. Thread-safe. */
void weights_read(WeightSource *w, const char *path, const Shape *shape, float *dst);
/* A weight tensor of the graph: its parts read, scaled and concatenated. dst has
 * shape_count(&t->shape) floats. Thread-safe. */
void weights_read_tensor(WeightSource *w, const Graph *g, TensorId t, float *dst);
/* Is it stored as it is wanted, in one piece of a mapped file? Then numbers first .. first + n - 1
 * can be read alone, as f32. */
bool weights_in_order(WeightSource *w, const Graph *g, TensorId t);
void weights_read_run(WeightSource *w, const Graph *g, TensorId t, int64_t first, int64_t n,
                      float *dst);
/* A short fingerprint of the contents for --info: file names and sizes, or the seed. */
const char *weights_describe(const WeightSource *w);
void weights_close(WeightSource *w);

/* Weights as synthetic.py defines them, bit for bit; in parallel over the elements (OpenMP). */
void synthetic_weight(uint64_t seed, const char *model, const char *path, const Shape *shape,
                      float *dst);

/* safetensors.c */
/* ST_OTHER: a dtype of the format that no weight here can have; its bytes are checked all the same.
 */
typedef enum { ST_F64, ST_F32, ST_F16, ST_BF16, ST_I64, ST_I32, ST_U8, ST_OTHER } StDtype;
typedef struct {
    const char *name;
    StDtype dtype;
    int rank;
    int64_t dim[8];
    const void *data;
    size_t bytes;
} StTensor; /* data points into the mapped file */
typedef struct {
    const char *path;
    StTensor *tensors;
    size_t n;
    const char **meta_keys, **meta_values;
    size_t n_meta;
    void *map;
    size_t map_bytes;
    Reading *reading; /* NULL: not mapped */
    Arena *arena;
} StFile;
/* How a weight is stored; F32 when synthetic. */
StDtype weights_dtype(WeightSource *w, const Graph *g, const char *path);
const char *st_dtype_name(StDtype d);
/* The same over bytes that the caller keeps; path is for messages. */
StFile *st_from_memory(const char *path, const void *data, size_t bytes);
StFile *st_open(const char *path); /* maps and validates; err() names file, tensor and byte */
const StTensor *st_find(const StFile *f, const char *name); /* NULL when absent; O(log n) */
void st_close(StFile *f);
typedef struct {
    const char *name;
    Dtype dtype;
    Shape shape;
    const void *data;
} StOut;
void st_write(const char *path, const StOut *t, size_t n, const char *const *meta,
              size_t n_meta /* pairs */); /* atomic; err() on a full disk */
/* The same in pieces: all names and shapes, then all data in their order, then commit. */
typedef struct {
    const char *name;
    StDtype dtype;
    int rank;
    int64_t dim[8];
} StEntry;
typedef struct StWriter StWriter;
StWriter *st_writer_open(const char *path, const StEntry *e, size_t n, const char *const *meta,
                         size_t n_meta);
void st_writer_put(StWriter *w, const void *data, size_t bytes);
void st_writer_commit(StWriter *w);
#endif
