/* What conv2d and dense compute besides their product: a prologue as they load, an activation as
 * they store. The rows: prologues.def, activations.def. */
#ifndef LATENTC_FUSION_H
#define LATENTC_FUSION_H
#include <stdbool.h>

typedef enum {
#define PROLOGUE(e, ...) PRE_##e,
#include "prologues.def"
} Prologue;

/* Applied after bias and vec; before the residual, or after it where act_last says so. */
typedef enum {
#define ACTIVATION(e, name, function, word, gated) ACT_##e,
#include "activations.def"
} Activation;

enum {
    PRE_COUNT = 0
#define PROLOGUE(...) +1
#include "prologues.def"
    ,
    ACT_COUNT = 0
#define ACTIVATION(e, name, function, word, gated) +1
#include "activations.def"
};

/* The normalisation in a prologue. */
typedef enum { NO_NORM, AFFINE_NORM, LAYER_NORM } PrologueNorm;

typedef struct {
    /* in names of kernels and in reports; "" for PRE_NONE */
    const char *word;
    PrologueNorm norm;
    /* applied after it; ACT_NONE: nothing */
    Activation act;
    /* the function falls until lowest_at, where it is lowest, and rises after it; else it rises */
    bool dips;
    double lowest_at, lowest;
} PrologueRow;

/* The columns of prologues.def; prologue_names as the text form writes them. */
extern const PrologueRow prologues[PRE_COUNT];
extern const char *const prologue_names[PRE_COUNT];

typedef struct {
    /* in names of kernels and in reports; "" for ACT_NONE */
    const char *word;
    /* the result is the first half of the columns times the function of the second half */
    bool gated;
} ActivationRow;

/* The columns of activations.def; activation_names as the text form writes them. */
extern const ActivationRow activations[ACT_COUNT];
extern const char *const activation_names[ACT_COUNT];
#endif
