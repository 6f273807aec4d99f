/* Naming schemes: from a weight's path in the graph to the name under which a checkpoint stores it.
 * The rules of most schemes are in names.def; schemes.c lists all schemes. */
#ifndef LATENTC_SCHEME_H
#define LATENTC_SCHEME_H
#include "checkpoint.h"
#include "ir.h"

/* Where one weight is stored. */
typedef struct {
    char name[512];
    /* Several weights may share a tensor: this one has rows part*rows/parts and on of its first
     * axis. parts is 1 where a weight has its own tensor. */
    int part, parts;
    /* A 1x1 convolution that is stored as a dense kernel; a dense kernel that is stored as one. */
    bool flat, conv;
} Place;

/* Facts of a graph that numbers in names depend on; counted from the paths of its weights. */
enum { MOST_COUNTED = 16 };
typedef struct {
    /* Most res blocks of a level on the way down (0: a VAE's decoder has no such way) and up. */
    int blocks, up_blocks;
    int levels;
    /* Of a U-Net: res blocks and transformers of each level, as the paths number levels, and in the
     * middle. */
    int down[MOST_COUNTED], up[MOST_COUNTED], mid;
    int down_attention[MOST_COUNTED], up_attention[MOST_COUNTED], mid_attention;
    /* Of the text encoder. */
    int layers;
} Counts;

/* A weight whose stored name is wanted: the graph's name, the weight's path in it, and the graph's
 * counts. */
typedef struct {
    const char *model, *path;
    const Counts *counts;
} WeightName;

/* The columns of names.def. */
enum { COLUMN_PATH, COLUMN_DIFFUSERS, COLUMN_LDM, COLUMN_KERAS, N_COLUMNS };

struct Scheme {
    /* "diffusers": --to of weights convert. */
    const char *name;
    const char *about;
    /* Convolutions are OIHW and dense kernels (out,in); else as in the graph: HWIO, (in,out). */
    bool torch;
    /* Of names.def, for spell_by_rules; 0: none. */
    int column;
    /* Spelling number `choice` of a weight: 0 is the one that is written, others are those of old
     * files. False: there is no such spelling. */
    bool (*spell)(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                  Place *out);
    /* Does this stored name belong to the model? Then it is extra when no weight needs it. */
    bool (*owns)(const Scheme *s, const Checkpoint *c, const char *model, const char *name);
    /* Names that files of this scheme have and no model needs; '*' stands for any text, {layers}
     * for the number. Ends with NULL. */
    const char *const *ignored;
    /* Called once for each graph, before the names of its weights are spelled; NULL: names depend
     * on Counts alone. */
    void (*bind)(Checkpoint *c, const Graph *g);
};

/* Schemes that names.def describes: their spell and owns. */
bool spell_by_rules(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                    Place *out);
bool owns_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *name);

/* Has names.def rules for this model? */
bool rules_have_model(const char *model);

/* Is the path one that names.def has for this model? */
bool rules_have_path(const char *model, const char *path);

/* The counts of a graph. */
Counts counts_of(const Graph *g);

/* The stored tensor of a weight: the first spelling that the checkpoint has. NULL: none; then *out
 * is the first spelling. */
const Stored *scheme_locate(const Checkpoint *c, const WeightName *w, Place *out);

/* The stored shape of a weight whose shape in the graph is `want`; returns its rank. */
int scheme_shape(const Scheme *s, const char *path, const Shape *want, const Place *p,
                 int64_t dim[8]);

/* Is the weight a kernel that is stored as PyTorch does, (o, i, taps), and read as (taps, i, o)? */
bool scheme_transposes(const Scheme *s, const char *path);

/* Is the stored name one that no model needs? */
bool scheme_ignores(const Scheme *s, const char *name, const Counts *n);
#endif
