/* Flags that several commands share, and what their values mean. */
#ifndef LATENTC_SHARED_FLAGS_H
#define LATENTC_SHARED_FLAGS_H
#include "program.h"
#include "conv_forms.h"
#include "flags.h"
#include "param.h"

/* What code is made of a graph: the rows that run, show, compile, build and bench share, a group
 * with an example of the command's. program_for (build.h) makes a program of it. */
typedef struct {
    const char *fuse /* NULL: the command's own default */, *conv, *dtype, *target, *optimize,
        *tune /* NULL: no measurements */;
    FlagList sets;
} CodeFlags;
#define CODE_DEFAULTS                                                         \
    {                                                                         \
        .conv = "auto", .dtype = "f32", .target = "host", .optimize = "speed" \
    }
#define CODE_FLAGS(f, example)                                   \
    CODE_FLAGS_BUT_DTYPE(f, example),                            \
    {                                                            \
        "dtype", 0, FLAG_STRING, &(f)->dtype, "TYPE",            \
            "of products' operands: f32 (default) or bf16", 0, 0 \
    }
/* clang-format off */
#define CODE_FLAGS_BUT_DTYPE(f, example) \
    FLAG_GROUP("Code", example), \
    {"set", 0, FLAG_LIST, &(f)->sets, "NAME=VALUE", "a parameter, e.g. img_height=256", 0, 0}, \
    {"fuse", 0, FLAG_STRING, &(f)->fuse, "LIST", "which passes run: all (default), none, names, or names with a minus", 0, 0}, \
    {"conv", 0, FLAG_STRING, &(f)->conv, "KIND", conv_help, 0, 0}, \
    {"optimize", 0, FLAG_STRING, &(f)->optimize, "GOAL", "speed (default), or memory: packed weights hardly larger than plain ones", 0, 0}, \
    {"tune", 0, FLAG_STRING, &(f)->tune, "FILE", "choose convolutions by measurements, which that file keeps for the next time", 0, 0}, \
    {"target", 0, FLAG_STRING, &(f)->target, "NAME", "CPU to compile for; default host (see latentc targets)", 0, 0}
/* clang-format on */
/* Where weights come from, and which of several files of a checkpoint: a group, to which a command
 * may add rows. */
typedef struct {
    FlagList specs;
    const char *variant; /* NULL: none */
    bool offline;
} WeightFlags;
/* clang-format off */
#define WEIGHTS_FLAGS(w, example) \
    FLAG_GROUP("Weights", example), \
    {"weights", 0, FLAG_LIST, &(w)->specs, "[MODEL=]SPEC", "diffusers folder, .safetensors, Keras .h5, a published name, synthetic:SEED; default: what a pipeline names", 0, 0}, \
    {"variant", 0, FLAG_STRING, &(w)->variant, "NAME", "of a diffusers folder's files, e.g. fp16 for model.fp16.safetensors", 0, 0}, \
    {"offline", 0, FLAG_BOOL, &(w)->offline, NULL, "published weights come from the cache; nothing is downloaded", 0, 0}
/* clang-format on */
Optimize optimize_parse(const char *text); /* usage_err() on anything but speed and memory */
bool dtype_parse(const char *text); /* true: bf16; usage_err() on anything but f32 and bf16 */
/* --set NAME=VALUE, as collected in a FlagList: VALUE a decimal integer. usage_err() on anything
 * else. Memory lives as long as the program. */
int flags_sets(const FlagList *sets, ParamSet **out);
bool flags_unnamed(const char *item); /* SPEC, not MODEL=SPEC */
/* Of a list of [MODEL=]SPEC: the last SPEC that names this model, else the one without a name, of
 * several the last of which `fits` is true; NULL when there is none. */
const char *flags_fitting(const FlagList *list, const char *model,
                          bool (*fits)(void *context, const char *spec, const char *model),
                          void *context);
#endif
