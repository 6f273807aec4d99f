/* latentc build: a pipeline file becomes one standalone program. */
#include "build.h"
#include "commands.h"
#include "flags.h"
#include "vocab.h"
#include "../runtime/progress.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *out, *vocab, *emit;
    ProgramKind kind; /* what emit means */
    CodeFlags code;
    LinkOptions link;
    WeightFlags weights;
    const char *prediction, *sizes;
    bool quiet, no_init_img;
} BuildFlags;

/* The models of all sizes in the order of their stages. */
enum { MOST_MODELS = 4 };
typedef struct { Model model[MOST_STAGES]; int n; } Models;

/* One line of progress: what was done and how long it took. */
static void done(const BuildFlags *f, double *since, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void done(const BuildFlags *f, double *since, const char *fmt, ...) {
    va_list ap;
    double t = lrt_now();
    if (!f->quiet) {
        fprintf(stderr, "%6.2f s  ", t - *since);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
    }
    *since = t;
}

/* The model's graph, compiled into p; returns its stage, or -1 when the pipeline has none. */
static int add_model(Program *p, const Pipeline *l, const struct PipelineModel *m, bool guided, Models *models) {
    if (!m->graph) return -1;
    models->model[models->n] = model_open(l, m, guided ? 2 : 1, guided, NULL);
    return program_add(p, models->model[models->n++].graph);
}

static int time_width(const Graph *g) {
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        if (strcmp(t->name, "timestep_embedding") == 0) return (int)shape_channels(&t->shape);
    }
    err("%s: a diffusion model needs an input \"timestep_embedding\"; found none", g->file);
}

static lrt_pipeline constants(const Pipeline *l, bool batched) {
    return (lrt_pipeline){
        .name = l->name, .text_encoder = -1, .diffusion_model = -1, .decoder = -1, .image_encoder = -1,
        .height = l->img_height, .width = l->img_width, .max_text_length = l->max_text_length, .pad_token = l->pad_token,
        .round_nearest = l->round_nearest, .latent_scale = l->latent_scale, .batched_guidance = batched, .schedule = l->schedule, .steps = l->steps, .cfg_scale = l->cfg_scale, .sampler = l->sampler, .seed = l->seed, .output = l->output, .prompt = l->prompt};
}

static void report_memory(const BuildFlags *f, const Program *p) {
    for (int i = 0; i < p->n_stages && !f->quiet; i++) {
        const Stage *s = p->stages[i];
        fprintf(stderr, "          %-16s weights %8.1f MB, arena %7.1f MB (%.1f MB without sharing), %d kernels' calls", s->graph->name,
                (double)s->weights_bytes / 1e6, (double)s->arena_bytes / 1e6, (double)s->arena_bytes_unshared / 1e6, s->n_steps);
        if (s->weights_shared) fprintf(stderr, "; %.1f MB of weights from above", (double)s->weights_shared / 1e6);
        fputc('\n', stderr);
    }
}

static ProgramKind find_kind(const char *name) {
    static const char *const names[] = {"exe", "so", "a"};
    static const ProgramKind kinds[] = {PROGRAM_GENERATOR, PROGRAM_SHARED, PROGRAM_ARCHIVE};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return kinds[i];
    usage_err("build: --emit %s: expected exe, so or a", name);
}

static void parse(int argc, char **argv, BuildFlags *f, const char **pipeline) {
    const Flag flags[] = {
        {"output", 'o', FLAG_STRING, &f->out, "EXE", "the generator to write", 0, 0},
        {"emit", 0, FLAG_STRING, &f->emit, "KIND", "exe (default); so, a: a library for programs of your own, see latentrt.h", 0, 0},
        WEIGHTS_FLAGS(&f->weights),
        {"prediction", 0, FLAG_STRING, &f->prediction, "KIND", "what the diffusion model predicts: epsilon or v; default: what its checkpoint says", 0, 0},
        {"vocab", 0, FLAG_STRING, &f->vocab, "FILE", "merges file (.txt, .gz), tokenizer.json, or a folder; default: the weights folder's tokenizer/", 0, 0},
        {"sizes", 0, FLAG_STRING, &f->sizes, "WxH,...", "several sizes of pictures in one generator, which shares what it can of the weights; --size of the generator chooses, the first is the default", 0, 0},
        {"no-init-img", 0, FLAG_BOOL, &f->no_init_img, NULL, "without the image encoder: smaller, but pictures start from noise alone", 0, 0},
        CODE_FLAGS(&f->code),
        {"cc", 0, FLAG_STRING, &f->link.cc, "DRIVER", "C compiler driver that links; default $CC or cc", 0, 0},
        {"runtime", 0, FLAG_STRING, &f->link.runtime, "DIR", "folder of liblatentrt.a for the target", 0, 0},
        {"quiet", 'q', FLAG_BOOL, &f->quiet, NULL, "no progress lines", 0, 0},
    };
    const Command command = {"latentc build PIPELINE.json -o EXE [flags]",
                             "Compiles a pipeline into one standalone program: code, packed weights and vocabulary in one file.\n"
                             "  latentc build graphs/shapes/pipeline.json -o shapes && ./shapes -p \"a red circle on a blue background\"",
                             flags, sizeof flags / sizeof flags[0], 1, 1, pipeline};
    flags_parse(&command, argc, argv);
    if (!f->out) usage_err("build: -o EXE is missing");
    f->kind = find_kind(f->emit);
}

/* --prediction as a part of a pipeline file. */
static const char *prediction_over(const char *prediction) {
    if (!prediction) return NULL;
    bool v = strcmp(prediction, "v") == 0;
    if (!v && strcmp(prediction, "epsilon") != 0) usage_err("--prediction: expected epsilon or v, found \"%s\"", prediction);
    return v ? "{\"schedule\":{\"prediction\":\"v\"}}" : "{\"schedule\":{\"prediction\":\"epsilon\"}}";
}

/* What each checkpoint is taken for, and why. */
static void report_checkpoints(const BuildFlags *f, const Pipeline *l) {
    const struct PipelineModel *models[] = {&l->text_encoder, &l->diffusion_model, &l->decoder, &l->image_encoder};
    for (int i = 0; i < MOST_MODELS && !f->quiet; i++) {
        const Checkpoint *c = models[i]->checkpoint;
        bool told = false;
        for (int k = 0; k < i; k++) told |= models[k]->checkpoint == c;
        if (c && !told && c->settings) fprintf(stderr, "          %s: %s (%s)\n", c->spec, c->taken_for, c->why);
    }
}

/* --sizes: one row each; without it none. */
static int parse_sizes(const char *text, lrt_size *out) {
    int n = 0, end;
    for (const char *s = text; s && *s; n++) {
        lrt_size *z = &out[n < MOST_SIZES ? n : 0], new = {0};
        if (n == MOST_SIZES) usage_err("--sizes: found more than %d", MOST_SIZES);
        if (sscanf(s, "%dx%d%n", &new.width, &new.height, &end) != 2 || new.width < 1 || new.height < 1 || (s[end] && s[end] != ','))
            usage_err("--sizes: expected WIDTHxHEIGHT, such as 512x512,768x512, found \"%s\"", s);
        for (int i = 0; i < n; i++)
            if (out[i].width == new.width && out[i].height == new.height) usage_err("--sizes: %dx%d is there twice", new.width, new.height);
        *z = new;
        s += end + (s[end] == ',');
    }
    if (text && n == 0) usage_err("--sizes: expected WIDTHxHEIGHT, such as 512x512,768x512, found nothing");
    return n;
}

/* The pipeline for a size: as if it were set by --set. NULL: as it is. */
static Pipeline *open_size(const BuildFlags *f, const char *path, const lrt_size *size) {
    ParamSet *given;
    int n = flags_sets(&f->code.sets, &given);
    ParamSet *sets = xcalloc((size_t)n + 2, sizeof *sets);
    memcpy(sets, given, (size_t)n * sizeof *sets);
    for (int i = 0; i < n && size; i++)
        if (strcmp(given[i].name, "img_width") == 0 || strcmp(given[i].name, "img_height") == 0)
            usage_err("--set %s does not go with --sizes", given[i].name);
    if (size) {
        sets[n++] = (ParamSet){.name = "img_width", .value = size->width};
        sets[n++] = (ParamSet){.name = "img_height", .value = size->height};
    }
    Pipeline *l = pipeline_open(path, sets, n, &f->weights, prediction_over(f->prediction));
    free(sets);
    return l;
}

/* The models that a size has for itself. */
static void add_size(Program *p, const BuildFlags *f, const Pipeline *l, bool guided, lrt_size *size, Models *models) {
    size->diffusion_model = add_model(p, l, &l->diffusion_model, guided, models);
    size->decoder = add_model(p, l, &l->decoder, false, models);
    size->image_encoder = f->no_init_img ? -1 : add_model(p, l, &l->image_encoder, false, models);
}

int cmd_build(int argc, char **argv) {
    BuildFlags f = {.emit = "exe", .code = CODE_DEFAULTS};
    const char *path;
    parse(argc, argv, &f, &path);
    double since = lrt_now(), start = since;
    lrt_size sizes[MOST_SIZES] = {0};
    Pipeline *of_size[MOST_SIZES];
    int n_sizes = parse_sizes(f.sizes, sizes);
    Pipeline *l = of_size[0] = open_size(&f, path, n_sizes ? &sizes[0] : NULL);
    report_checkpoints(&f, l);
    const char *vocab_path = f.vocab ? f.vocab : l->vocab;
    if (!vocab_path) usage_err("build: no vocabulary: give --vocab with a merges file (.txt, .gz) or a folder with vocab.json and merges.txt");
    size_t vocab_bytes;
    void *vocab = vocab_load(vocab_path, &vocab_bytes);
    Program *p = program_for(&f.code);
    Models models = {0};
    lrt_pipeline c = constants(l, p->fuse & FUSE_GUIDANCE);
    c.text_encoder = add_model(p, l, &l->text_encoder, false, &models);
    p->share_weights = n_sizes > 1;
    for (int i = 0; i < n_sizes || i < 1; i++) {
        if (i > 0) of_size[i] = open_size(&f, path, &sizes[i]);
        add_size(p, &f, of_size[i], c.batched_guidance, &sizes[i], &models);
    }
    c.diffusion_model = sizes[0].diffusion_model;
    c.decoder = sizes[0].decoder;
    c.image_encoder = sizes[0].image_encoder;
    c.sizes = sizes;
    c.n_sizes = (uint32_t)n_sizes;
    if (c.diffusion_model >= 0) c.time_width = time_width(models.model[c.diffusion_model].graph);
    done(&f, &since, "graphs, passes, kernels: %d kernels", p->n_kernels);
    Buf options = {0}, from = {0};
    buf_printf(&options, "--target %s --fuse ", p->target->name);
    fuse_print(p->fuse, &options);
    buf_printf(&options, " --conv %s --dtype %s", conv_names[p->conv], p->bf16 ? "bf16" : "f32");
    if (p->optimize == OPTIMIZE_MEMORY) buf_printf(&options, " --optimize memory");
    if (f.code.tune) buf_printf(&options, " --tune %s", f.code.tune);
    buf_printf(&from, "%s (%s, %dx%d)", path, l->name, l->img_width, l->img_height);
    WeightSource *sources[MOST_STAGES];
    for (int i = 0; i < models.n; i++) {
        sources[i] = models.model[i].weights;
        if (i < MOST_MODELS) buf_printf(&from, "; %s: %s", models.model[i].graph->name, weights_describe(sources[i]));
    }
    p->quiet = f.quiet;
    p->options = options.data;
    p->made_from = from.data;
    emit_plan(p, &c);
    write_program(p, sources, &f.link, f.kind, vocab, vocab_bytes, f.out);
    done(&f, &since, "code for %s, linked; %.1f MB of weights packed", p->target->name, (double)p->weights_bytes / 1e6);
    report_memory(&f, p);
    done(&f, &start, "%s", f.out);
    if (f.kind == PROGRAM_ARCHIVE && !f.quiet)
        fprintf(stderr, "          weights in %s; link with %s\n", library_weights_path(l->arena, f.out), link_libraries(l->arena));
    program_free(p);
    for (int i = 0; i < models.n; i++) model_close(&models.model[i]);
    for (int i = 0; i < n_sizes || i < 1; i++) pipeline_close(of_size[i]);
    free(vocab);
    buf_free(&options);
    buf_free(&from);
    return EXIT_OK;
}
