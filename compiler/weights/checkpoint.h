/* Checkpoints: stored tensors, whatever the file format, and facts about their models.
 *
 *   SPEC --formats.c: which format--> Checkpoint: stored tensors, naming scheme, settings
 *        --weights.c: names, layouts--> a graph's weights
 *
 * HACKING.md shows how to add a file format (formats.c) and a naming scheme (schemes.c). */
#ifndef LATENTC_CHECKPOINT_H
#define LATENTC_CHECKPOINT_H
#include "arena.h"
#include "json.h"
#include "peek.h"
#include "safetensors.h"

typedef struct Checkpoint Checkpoint;
typedef struct Scheme Scheme;

/* One tensor as it is stored: C order, little-endian, in the layout of the program that wrote it.
 */
typedef struct {
    /* In a folder with the component in front: "unet/conv_in.weight". */
    const char *name;
    StDtype dtype;
    /* The type as the file names it; NULL: st_dtype_name's. */
    const char *type;
    int rank;
    int64_t dim[8];
    /* In a mapped file; NULL: Checkpoint.read fetches it. */
    const void *data;
    size_t bytes;
    /* The file that has it, for messages. */
    const char *file;
    /* The format's own, for Checkpoint.read. */
    uint64_t place;
} Stored;

/* Options of the user for every format. */
typedef struct {
    /* --variant, as in "model.fp16.safetensors"; NULL: none. */
    const char *variant;
    /* Nothing is downloaded: published weights come from the cache. */
    bool offline;
} CheckpointOptions;

/* A file format: a row of the table in formats.c. */
typedef struct {
    /* "diffusers folder". */
    const char *name;
    /* Never ends in err(). The first row that recognises a SPEC is taken. */
    bool (*recognises)(const Peek *p);
    /* Fills c->tensors, scheme, taken_for, why, and settings, vocab, read, close, state where there
     * are any. err() when the file is damaged, or when the graphs cannot express the model: then
     * with the model's name ("this is Stable Diffusion XL (...)"). */
    void (*open)(Checkpoint *c, const CheckpointOptions *o);
} CheckpointFormat;

/* All memory is the arena's. checkpoint_open (formats.h) makes one. */
struct Checkpoint {
    Arena *arena;
    /* As the user wrote it. */
    const char *spec;
    /* The file or folder: spec, unless that is a name of published weights (fetch.h). */
    const char *path;
    const CheckpointFormat *format;
    const Scheme *scheme;
    /* Sorted by name, once checkpoint_sort has run. */
    Stored *tensors;
    size_t n, cap;
    /* "Stable Diffusion 2, v prediction", and the evidence for it. */
    const char *taken_for, *why;
    /* What the file is that fits no pipeline (signatures.h); NULL: nothing says so. For messages
     * where no weight fits. */
    const char *foreign;
    /* Settings.notes: what the files say and is not done. NULL: nothing. */
    const char *notes;
    /* Facts about graphs and schedule, as a part of a pipeline file; they replace the pipeline's
     * own, and --set replaces both. Parameters stand at /models/NAME/parameters. Absent: none. */
    Json settings;
    /* A path for vocab_load; NULL: no vocabulary here. */
    const char *vocab;
    /* Reads a tensor without data: t->bytes bytes. err(); thread-safe. */
    void (*read)(const Checkpoint *c, const Stored *t, void *dst);
    void (*close)(Checkpoint *c);
    /* The format's own. */
    void *state;
};

/* Closes its files and frees it. */
void checkpoint_close(Checkpoint *c);

/* Adds a tensor; in any order. */
void checkpoint_add(Checkpoint *c, Stored t);

/* Sorts the tensors by name; err() when two have the same name. */
void checkpoint_sort(Checkpoint *c);

/* The tensor of that name, NULL when absent; O(log n), after checkpoint_sort. */
const Stored *checkpoint_find(const Checkpoint *c, const char *name);

/* Adds every tensor of a safetensors file, with the prefix before their names. The file stays open
 * as long as the checkpoint. */
StFile *checkpoint_add_safetensors(Checkpoint *c, const char *path, const char *prefix);

/* The name of a tensor's type, for messages. */
const char *checkpoint_type(const Stored *t);

/* The bytes of all tensors. */
uint64_t checkpoint_bytes(const Checkpoint *c);

/* The pages of a mapped tensor will be read now. */
void checkpoint_want(const Stored *t);

/* The pages of a mapped tensor are not needed soon: they are removed from this process's memory,
 * not from the system's cache. */
void checkpoint_release(const Stored *t);
#endif
