/* What a checkpoint of Keras' files keeps: keras.c opens them, keras_bind.c finds weights in them.
 * Others include keras.h. */
#ifndef LATENTC_KERAS_STATE_H
#define LATENTC_KERAS_STATE_H
#include "archive.h"
#include "h5.h"
#include "keras.h"
#include "versions.h"

enum { MOST_KERAS_FILES = 64 };

/* The weights of one model. */
typedef struct {
    H5 *file;
    /* the archive that has the file; NULL: a file of its own */
    Archive *archive;
    /* the group that has the layers' groups: "", or "model_weights" in a file of a whole model */
    const char *root;
    /* the layout in which order matters */
    bool ordered;
    /* its n tensors in the file's order, with their names in the checkpoint: PREFIX/PATH */
    Stored *list;
    size_t n;
    /* the model of graphs/sd2 that it is, else the file's name without its ending */
    const char *prefix;
    bool known;
    /* of the text encoder and the U-Net */
    Version version;
    /* what it is when none of latentc's own graphs is its model (Checkpoint.foreign); else NULL */
    const char *foreign;
} KerasFile;

/* A weight of a bound graph and its tensor in the checkpoint. */
typedef struct {
    const char *path, *name;
} KerasBound;

/* Where the weights of one graph are: in which file, and sorted by path. */
typedef struct {
    const char *graph;
    const KerasFile *file;
    KerasBound *bound;
    size_t n;
} KerasBinding;

typedef struct {
    KerasFile file[MOST_KERAS_FILES];
    int n_files;
    KerasBinding *binding;
    size_t n_bindings, cap_bindings;
} Keras;
#endif
