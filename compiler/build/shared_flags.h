/* Flags that several commands share, and what their values mean. */
#ifndef LATENTC_SHARED_FLAGS_H
#define LATENTC_SHARED_FLAGS_H
#include "program.h"
#include "cache.h"
#include "conv_forms.h"
#include "flags.h"
#include "param.h"
#include "sizes.h"

/* --set and --varies. */
typedef struct {
    FlagList list;
    FlagList varies; /* how often inputs change */
} SetFlags;

/* How a graph becomes code. */
typedef struct {
    const char *fuse; /* NULL: the command's own default */
    const char *conv, *dtype, *target, *optimize;
    const char *cache;       /* step caching: "on" or "off" */
    int64_t cache_level;     /* 0: DEFAULT_CACHE_LEVEL */
    const char *tune;        /* NULL: no measurements */
    const char *forms;       /* a file that has the forms of convolutions; NULL: none */
    int64_t tune_seconds;    /* 0: no limit */
    const char *int8_layers; /* a file, or "all"; NULL: the rule */
    bool quiet;              /* no progress of measurements */
    SetFlags sets;
} CodeFlags;
/* docs/fast.md says why. */
enum { DEFAULT_CACHE_LEVEL = 1 };
#define CODE_DEFAULTS                                                                         \
    {                                                                                         \
        .conv = "auto", .dtype = "f32", .target = "host", .optimize = "speed", .cache = "off" \
    }
/* clang-format off */
/* Their rows: a group of --help with an example of the command's. */
#define CODE_FLAGS(f, example) \
    CODE_FLAGS_BUT_DTYPE(f, example), \
    {"dtype", 0, FLAG_STRING, &(f)->dtype, "TYPE", "numbers of convolutions and dense products: f32 (default), bf16, int8: products of whole numbers where that loses little, bf16 elsewhere; w8 or w4: as bf16, weights stored in 8 or 4 bits", 0, 0}
#define CODE_FLAGS_BUT_DTYPE(f, example) \
    FLAG_GROUP("Code", example), \
    {"set", 0, FLAG_LIST, &(f)->sets.list, "NAME=VALUE", "a parameter of the graphs, e.g. img_height=256; of a Keras model also the shape of an input: input.latent=1x96x96x4", 0, 0}, \
    {"varies", 0, FLAG_LIST, &(f)->sets.varies, "NAME=OFTEN", "how often an input changes: step, time (with the timestep alone), prompt or never; Keras models do not say", 0, 0}, \
    {"fuse", 0, FLAG_STRING, &(f)->fuse, "LIST", "which passes run: all (default), none, names (only these), names with a minus (all but these), or all in front of such names: all,-norm", 0, 0}, \
    {"conv", 0, FLAG_STRING, &(f)->conv, "KIND", "3x3 convolutions: auto (default), direct, winograd, or one form by its name: 'man latentc' explains them, 'show --after algorithm' prints what each costs", 0, 0}, \
    {"forms", 0, FLAG_STRING, &(f)->forms, "FILE", "take the form of each convolution from tables that 'show --after algorithm' printed: so that several targets share packed weights", 0, 0}, \
    {"cache", 0, FLAG_STRING, &(f)->cache, "on|off", "step caching: also make the short step, which reuses values of the last full one (a generator's --cache-interval); default off", 0, 0}, \
    {"cache-level", 0, FLAG_INT, &(f)->cache_level, "N", "which of the values that the graph marks are reused; 1 (default): most, so the short step is shortest", 1, MOST_CACHE_LEVEL}, \
    {"optimize", 0, FLAG_STRING, &(f)->optimize, "GOAL", "speed (default), or memory: packed weights are hardly larger than plain ones", 0, 0}, \
    {"tune", 0, FLAG_STRING, &(f)->tune, "FILE", "choose how convolutions are computed by measuring; FILE stores the measurements", 0, 0}, \
    {"tune-seconds", 0, FLAG_INT, &(f)->tune_seconds, "N", "with --tune: compile and time forms for at most N seconds (at least one convolution); the next run goes on; what was not measured is chosen by estimate", 1, 1000000}, \
    {"int8-layers", 0, FLAG_STRING, &(f)->int8_layers, "FILE|all", "with --dtype int8: which layers are whole numbers, as a file says ('layer int8' or 'layer bf16' in each line, below 'graph NAME'), or all that may be; without it a rule holds", 0, 0}, \
    {"target", 0, FLAG_STRING, &(f)->target, "NAME", "CPU to compile for; default host; latentc targets lists the names", 0, 0}
/* clang-format on */

/* Where weights come from. */
typedef struct {
    FlagList specs;
    const char *variant; /* which files of a diffusers folder; NULL: those without a variant */
    bool offline;
    FlagList tiny; /* --taesd: of the tiny decoder and image encoder */
    bool no_vae;   /* the tiny ones alone */
} WeightFlags;
/* clang-format off */
/* Their rows: a group of --help, to which a command may add rows. */
#define WEIGHTS_FLAGS(w, example) \
    FLAG_GROUP("Weights", example), \
    {"weights", 0, FLAG_LIST, &(w)->specs, "[MODEL=]SPEC", "diffusers folder, .safetensors, Keras .h5 or .keras, a published name, or synthetic:SEED; default: what the pipeline file names, or a .keras graph's own", 0, 0}, \
    {"variant", 0, FLAG_STRING, &(w)->variant, "NAME", "which files of a diffusers folder, e.g. fp16 for model.fp16.safetensors", 0, 0}, \
    {"offline", 0, FLAG_BOOL, &(w)->offline, NULL, "take published weights from the cache; download nothing", 0, 0}
/* clang-format on */

/* Flags that decide how a pipeline's weights are packed. */
typedef struct {
    CodeFlags code;
    WeightFlags weights;
    const char *sizes_text; /* --sizes as it is written; NULL: not given */
    SizeList sizes;         /* what it says, with --size where there is such a flag */
    bool no_init_img;
} PipelineFlags;
/* clang-format off */
#define SIZE_FLAGS(f) \
    {"sizes", 0, FLAG_STRING, &(f)->sizes_text, "WxH,...", "picture sizes, multiples of 8; several share weights where they can; the first is the default", 0, 0}, \
    {"no-init-img", 0, FLAG_BOOL, &(f)->no_init_img, NULL, "leave the image encoder out: a smaller generator, which cannot start from a picture", 0, 0}, \
    TINY_FLAGS(&(f)->weights)
#define TINY_FLAGS(w) \
    {"taesd", 0, FLAG_LIST, &(w)->tiny, "SPEC", "add TAESD, a tiny decoder: its own .safetensors (decoder, encoder: a flag each, or a folder with both), an AutoencoderTiny folder, or synthetic:SEED", 0, 0}, \
    {"no-vae", 0, FLAG_BOOL, &(w)->no_vae, NULL, "with --taesd: leave the large decoder and image encoder out; they need no weights", 0, 0}
/* clang-format on */

/* ---- shared_flags.c ---- */

/* An empty program for these flags; without --fuse every pass runs. usage_err() on a wrong value.
 */
Program *program_for(const CodeFlags *f);

/* Step caching as --cache and --cache-level say, before passes. usage_err() where they do not go
 * together; err() where the graph does not mark what they want. */
void flags_cache(const CodeFlags *f, Graph *g);

/* Appends the flags of SIZE_FLAGS and CODE_FLAGS whose values differ from what commands take by
 * default, as a shell reads them, with spaces between. --target, --fuse, --conv and --dtype:
 * always.
 */
void flags_options(const PipelineFlags *f, Buf *out);

/* The forms of --forms; NULL without. usage_err() with flags that choose forms, too. */
struct Forms *forms_for(const CodeFlags *f);

/* The tuning of --tune and --tune-seconds; NULL without --tune. */
struct Tuning *tuning_for(const CodeFlags *f);

/* --optimize: usage_err() on anything but speed and memory. */
Optimize optimize_parse(const char *text);

/* --dtype: what is not quantised is bf16; usage_err() on an unknown name. */
bool dtype_parse(const char *text);
/* What its products take: target_for. */
Products dtype_products(const char *text);
/* Tells the graph how --dtype quantises it. Before passes. */
void flags_quantise(const CodeFlags *f, Graph *g);

/* --set NAME=VALUE, VALUE a decimal integer, or of input.NAME integers with x between them; and
 * --varies NAME=OFTEN, the text parameter varies.NAME. *out gets an array of parameters, which
 * lives as long as the process. Returns how many. usage_err() on anything else. */
int flags_sets(const SetFlags *f, ParamSet **out);

/* Whether an item of --weights is SPEC, not MODEL=SPEC. */
bool flags_unnamed(const char *item);

/* The SPEC of --weights for this model; NULL: there is none. The last item that names the model
 * decides, else the last one without a name; where several have no name, `fits` must be true of
 * it. */
const char *flags_fitting(const FlagList *list, const char *model,
                          bool (*fits)(void *context, const char *spec, const char *model),
                          void *context);
#endif
