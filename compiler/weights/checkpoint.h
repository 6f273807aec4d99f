/* Checkpoints: stored tensors, whatever the file format, and what is known about the models they
 * belong to.
 *
 *   SPEC --formats.c: which format--> Checkpoint: stored tensors, naming scheme, settings
 * --weights.c: names, layouts--> a graph's weights
 *
 * A file format is a row of checkpoint_formats[] (formats.c). A naming scheme is a row of schemes[]
 * (scheme.c) and, if rules can say it, a column of names.def. HACKING.md shows how to add one. */
#ifndef LATENTC_CHECKPOINT_H
#define LATENTC_CHECKPOINT_H
#include "weights.h"

typedef struct Checkpoint Checkpoint;
typedef struct Scheme Scheme;

/* One tensor as it is stored: C order, little-endian, in the layout of whoever wrote it. */
typedef struct {
    const char *name; /* in a folder with the component in front: "unet/conv_in.weight" */
    StDtype dtype;
    int rank;
    int64_t dim[8];
    const void *data; /* in a mapped file; NULL: Checkpoint.read fetches it */
    size_t bytes;
    const char *file; /* where it stands, for messages */
    uint64_t place;   /* the format's own: for read */
} Stored;

/* What the user asks of every format. */
typedef struct {
    const char *variant; /* --variant, as in "model.fp16.safetensors"; NULL: none */
    bool offline;        /* published weights come from the cache or not at all */
} CheckpointOptions;

/* What is seen of a SPEC before anybody opens it. */
typedef struct {
    const char *spec;
    bool folder;
    const char *head;
    size_t n; /* of a file: the whole header where it has the form of safetensors, else its first
                 4096 bytes */
    bool safetensors; /* a length, then '{' */
} Peek;
bool peek_has(const Peek *p, const char *text); /* somewhere in the head */
bool peek_begins(const Peek *p, const void *magic, size_t n);

typedef struct {
    const char *name;                  /* "diffusers folder" */
    bool (*recognises)(const Peek *p); /* never ends in err(); the first row that does is taken */
    /* Fills c->tensors, scheme, taken_for, why, and settings, vocab, read, close, state where there
     * are any. err() when damaged, or when the graphs cannot express what it is: then by name
     * ("this is Stable Diffusion XL (...)"). */
    void (*open)(Checkpoint *c, const CheckpointOptions *o);
} CheckpointFormat;
extern const CheckpointFormat checkpoint_formats[];
extern const int n_checkpoint_formats;

/* All memory is the arena's. */
struct Checkpoint {
    Arena *arena;
    const char *spec; /* as the user wrote it */
    const char
        *path; /* the file or folder; spec, unless that is a name of published weights (fetch.h) */
    const CheckpointFormat *format;
    const Scheme *scheme;
    Stored *tensors;
    size_t n; /* sorted by name: checkpoint_add keeps no order, checkpoint_sort makes it */
    size_t cap;
    const char *taken_for, *why; /* "Stable Diffusion 2, v prediction", and what says so */
    /* What the checkpoint says about graphs and schedule: JSON, a part of a pipeline file, laid
     * over the pipeline's own (--set lies over both). Parameters stand at /models/NAME/parameters.
     * NULL: nothing. */
    const char *settings;
    const char *vocab; /* what vocab_load takes; NULL: none here */
    void (*read)(const Checkpoint *c, const Stored *t,
                 void *dst); /* t->bytes bytes; err(); thread-safe */
    void (*close)(Checkpoint *c);
    void *state; /* the format's own */
};
/* err() when no format recognises spec, with what was found. */
Checkpoint *checkpoint_open(const char *spec, const CheckpointOptions *o);
void checkpoint_close(Checkpoint *c);
void checkpoint_add(Checkpoint *c, Stored t);
void checkpoint_sort(Checkpoint *c); /* err() when a name stands twice */
const Stored *checkpoint_find(const Checkpoint *c,
                              const char *name); /* NULL when absent; O(log n) */
/* Adds every tensor of the file, names with the prefix before them. The file stays open as long as
 * the checkpoint. */
StFile *checkpoint_add_safetensors(Checkpoint *c, const char *path, const char *prefix);
/* Does it have weights of this graph, by their names? True, too, of a file of one model without its
 * name, when the graph is none of graphs/sd2. */
bool checkpoint_serves(const Checkpoint *c, const char *model);
uint64_t checkpoint_bytes(const Checkpoint *c); /* of all tensors */
/* The pages of a mapped tensor will be read now; or are not needed soon: they leave this process's
 * memory (not the system's cache). */
void checkpoint_want(const Stored *t);
void checkpoint_release(const Stored *t);

/* ---- numbers (stored.c)
 * --------------------------------------------------------------------------------------------------------
 */

/* Numbers first.. of data, (rows, width), as f32 into rows of dst that are `stride` floats apart.
 * Returns the index of the first that is NaN or infinite, counted from data; -1: all are finite.
 * dtype: F64, F32, F16, BF16. In parallel (OpenMP). */
int64_t stored_rows(StDtype dtype, const void *data, int64_t first, int64_t rows, int64_t width,
                    float *dst, int64_t stride);
/* The same for (out, in, taps), which becomes (taps, in, out). */
int64_t stored_transpose(StDtype dtype, const void *data, int64_t first, int64_t out, int64_t in,
                         int64_t taps, float *dst, int64_t stride);
/* (taps, in, out) back to (out, in, taps). In parallel. */
void stored_restore(const float *src, int64_t out, int64_t in, int64_t taps, float *dst);
/* n finite numbers as F32, F16 or BF16, rounded to nearest even. Returns the index of the first
 * that is too large for the type, or -1. */
int64_t stored_encode(StDtype dtype, const float *src, int64_t n, void *dst);
float stored_value(StDtype dtype, const void *data, int64_t i);
size_t stored_size(StDtype d); /* of one number, F64, F32, F16, BF16 */

/* ---- naming schemes
 * ------------------------------------------------------------------------------------------------------------
 */

/* Where one weight stands: rows part*rows/parts .. of the stored tensor's first axis; parts is 1
 * unless several weights share a tensor. flat: a 1x1 convolution is stored as a dense kernel. */
typedef struct {
    char name[512];
    int part, parts;
    bool flat;
} Place;

/* What numbering in names depends on. Counted from the graph's weights. */
typedef struct {
    int blocks; /* res blocks per level on the way down; 0: there is no such way, in a VAE's decoder
                 */
    int up_blocks; /* the same on the way up */
    int levels;
    int attention_levels;
    int layers; /* of the text encoder */
} Counts;

struct Scheme {
    const char *name; /* "diffusers": --to of weights convert */
    const char *about;
    bool torch; /* convolutions are OIHW, dense kernels (out,in); else as in the graph: HWIO,
                   (in,out) */
    int column; /* of names.def, for spell_by_rules; 0: none */
    /* The spelling number `choice` (0: what is written; others: what old files have) of the weight
     * `path` of `model`. False: there is no such spelling. */
    bool (*spell)(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                  const Counts *n, int choice, Place *out);
    /* Is this stored name the model's business, so that it is extra when no weight needs it? */
    bool (*owns)(const Scheme *s, const Checkpoint *c, const char *model, const char *name);
    /* Names that files of this scheme have and that no model needs; '*' stands for anything,
     * {layers} for the number. Ends with NULL. */
    const char *const *ignored;
    /* Told once of each graph, before the names of its weights are asked for; NULL: names do not
     * depend on more than Counts. */
    void (*bind)(Checkpoint *c, const Graph *g);
};
/* Schemes that names.def describes: spell and owns for them. */
bool spell_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                    const Counts *n, int choice, Place *out);
bool owns_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *name);
extern const Scheme schemes[];
extern const int n_schemes;
const Scheme *scheme_find(const char *name); /* NULL when there is none */
Counts counts_of(const Graph *g);
/* The stored tensor of a weight: the first spelling that the checkpoint has. NULL: none; then out
 * is the first spelling. */
const Stored *scheme_locate(const Checkpoint *c, const char *model, const char *path,
                            const Counts *n, Place *out);
/* The stored shape of a weight whose shape in the graph is `want`; returns its rank. */
int scheme_shape(const Scheme *s, const char *path, const Shape *want, const Place *p,
                 int64_t dim[8]);
/* Is the weight a kernel that is stored as PyTorch does, (o, i, taps), and read as (taps, i, o)? */
bool scheme_transposes(const Scheme *s, const char *path);
bool scheme_ignores(const Scheme *s, const char *name, const Counts *n);
/* One weight, as f32, in the order in which the scheme stores it: then true. False: in the graph's
 * order, and the scheme's is another. */
bool weights_read_as(WeightSource *w, const Graph *g, const Scheme *s, const char *path,
                     const Shape *shape, float *dst);
#endif
