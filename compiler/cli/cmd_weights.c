/* latentc weights: looks into checkpoints, checks and converts them. */
#include "weights_cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "safetensors.h"
#include "schemes.h"

/* ---- what the subcommands share
 * -----------------------------------------------------------------------------------------------------
 */

const char *default_pipeline(Arena *a)
{
    static const char name[] = "graphs/sd2/pipeline.json";
    const char *path = access(name, R_OK) ? own_file(a, name) : name;
    if (!path)
        usage_err("weights: %s is neither here nor beside latentc: name a pipeline after SPEC",
                  name);
    return path;
}

/* A file of one model without its name in front: only the model that it fits best is meant. */
static void only_the_best(Subject *s)
{
    size_t best = 0;
    for (int i = 0; i < s->n; i++)
        if (s->model[i].fit.n - s->model[i].fit.n_missing > best)
            best = s->model[i].fit.n - s->model[i].fit.n_missing;
    s->n_here = 0;
    for (int i = 0; i < s->n; i++) {
        s->model[i].here = best && !s->n_here &&
                           s->model[i].fit.n - s->model[i].fit.n_missing == best;
        s->n_here += s->model[i].here;
    }
}

Subject subject_open(const char *spec, const char *pipeline, const char *variant)
{
    Subject s = {.arena = arena_new()};
    FlagList one = {.items = &spec, .n = 1};
    const WeightFlags flags = {.specs = one, .variant = variant};
    s.file = pipeline ? pipeline : default_pipeline(s.arena);
    s.pipeline = pipeline_open(s.file, NULL, 0, &flags, NULL);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const PipelineModel *of = &s.pipeline->model[i];
        if (!of->graph)
            continue;
        SubjectModel *m = &s.model[s.n++];
        m->of = of;
        m->graph = pipeline_graph(of, 1, false);
        s.checkpoint = of->checkpoint;
        m->weights = s.checkpoint ? weights_from(s.checkpoint, m->graph->name)
                                  : weights_open(spec, m->graph->name);
        if (s.checkpoint)
            m->fit = weights_fit(m->weights, m->graph, s.arena);
        m->here = !s.checkpoint || m->fit.n_missing < m->fit.n;
        s.n_here += m->here;
    }
    if (s.checkpoint && s.checkpoint->scheme == scheme_find("latentc-model"))
        only_the_best(&s);
    return s;
}

void subject_close(Subject *s)
{
    for (int i = 0; i < s->n; i++) {
        weights_close(s->model[i].weights);
        graph_free(s->model[i].graph);
    }
    pipeline_close(s->pipeline);
    arena_free(s->arena);
}

static void need_checkpoint(const char *spec, const char *what)
{
    if (weights_synthetic(spec))
        usage_err("weights %s: %s has every weight that is asked for; there is nothing to %s", what,
                  spec, what);
}

static void print_origin(const Checkpoint *c)
{
    printf("%s: %s\n", c->spec, c->format->name);
    printf("taken for %s: %s\n", c->taken_for, c->why);
    if (json_ok(c->settings))
        printf("settings %s\n", json_text(c->settings));
    if (c->vocab)
        printf("vocabulary %s\n", c->vocab);
}

/* ---- list
 * ---------------------------------------------------------------------------------------------------------------------------
 */

/* For each stored tensor which weight it is, "MODEL/PATH"; several that share one: the first, and
 * "...". NULL: none. */
static const char **uses(const Subject *s)
{
    const Checkpoint *c = s->checkpoint;
    const char **use = arena_alloc(s->arena, (c->n + 1) * sizeof *use);
    for (int k = 0; k < s->n; k++) {
        const Graph *g = s->model[k].graph;
        Counts n = counts_of(g);
        for (uint32_t i = 0; i < g->n_tensors && s->model[k].here; i++) {
            Place p;
            const Stored *t =
                g->tensors[i].kind == T_WEIGHT
                    ? scheme_locate(c, &(WeightName){g->name, g->tensors[i].parts[0].path, &n}, &p)
                    : NULL;
            if (t && p.part == 0)
                use[t - c->tensors] = arena_printf(s->arena, "%s/%s%s", g->name,
                                                   g->tensors[i].parts[0].path,
                                                   p.parts > 1 ? ", ..." : "");
        }
    }
    return use;
}

static bool is_ignored(const Subject *s, const char *name)
{
    for (int i = 0; i < s->n; i++) {
        Counts n = counts_of(s->model[i].graph);
        if (scheme_ignores(s->checkpoint->scheme, name, &n))
            return true;
    }
    return false;
}

static int cmd_list(int argc, char **argv)
{
    const char *variant = NULL, *arguments[2] = {0};
    const Flag flags[] = {{"variant", 0, FLAG_STRING, &variant, "NAME",
                           "of a diffusers folder's files, e.g. fp16", 0, 0}};
    const Command command = {
        "latentc weights list SPEC [PIPELINE.json]",
        "Every tensor of a checkpoint: type, shape, name, and which weight of the pipeline's models it is.\n"
        "First what the checkpoint is taken for, and why. Without PIPELINE.json: Stable Diffusion 2.\n"
        "Of packed weights: what they were made from, for which target, type of numbers and size of pictures.\n"
        "  latentc weights list model.safetensors | grep -v diffusion_model",
        flags,
        1,
        1,
        2,
        arguments};
    flags_parse(&command, argc, argv);
    need_checkpoint(arguments[0], "list");
    if (packed_list(arguments[0]))
        return EXIT_OK;
    Subject s = subject_open(arguments[0], arguments[1], variant);
    const Checkpoint *c = s.checkpoint;
    const char **use = uses(&s);
    size_t used = 0, ignored = 0;
    print_origin(c);
    for (size_t i = 0; i < c->n; i++) {
        const Stored *t = &c->tensors[i];
        char shape[160] = "";
        size_t at = 0;
        for (int d = 0; d < t->rank; d++)
            at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%lld", d ? "x" : "",
                                   (long long)t->dim[d]);
        bool skip = !use[i] && is_ignored(&s, t->name);
        used += use[i] != NULL;
        ignored += skip;
        printf("%-5s %-18s %s  %s\n", st_dtype_name(t->dtype), t->rank ? shape : "one number",
               t->name,
               use[i] ? use[i]
               : skip ? "(not needed)"
                      : "(unknown)");
    }
    printf("%zu tensors, %.1f MB: %zu are weights, %zu are not needed, %zu are unknown\n", c->n,
           (double)checkpoint_bytes(c) / 1e6, used, ignored, c->n - used - ignored);
    if (fflush(stdout))
        err("standard output cannot be written");
    subject_close(&s);
    return EXIT_OK;
}

/* ---- check
 * --------------------------------------------------------------------------------------------------------------------------
 */

static void print_some(const char *what, const char **list, size_t n)
{
    enum { MOST = 10 };
    for (size_t i = 0; i < n && i < MOST; i++)
        printf("  %s %s\n", what, list[i]);
    if (n > MOST)
        printf("  %s %zu more\n", what, n - MOST);
}

static void read_values(const SubjectModel *m)
{
    for (uint32_t i = 0; i < m->graph->n_tensors; i++) {
        const Tensor *t = &m->graph->tensors[i];
        if (t->kind != T_WEIGHT)
            continue;
        float *x = xmalloc((size_t)shape_count(&t->shape) * sizeof *x);
        weights_read_tensor(m->weights, m->graph, (TensorId){i + 1},
                            x); /* err() at what is no number */
        free(x);
    }
}

/* Tensors that no model owns. They do no harm: other programs leave them. */
static size_t strangers(const Subject *s, const char **list)
{
    const Checkpoint *c = s->checkpoint;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool owned = false;
        for (int k = 0; k < s->n; k++)
            owned |= c->scheme->owns(c->scheme, c, s->model[k].graph->name, c->tensors[i].name);
        if (!owned && !is_ignored(s, c->tensors[i].name))
            list[n++] = c->tensors[i].name;
    }
    return n;
}

static int cmd_check(int argc, char **argv)
{
    const char *variant = NULL, *arguments[2] = {0};
    bool values = false;
    const Flag flags[] = {{"values", 0, FLAG_BOOL, &values, NULL,
                           "also read every number, and stop at the first that is NaN or infinite",
                           0, 0},
                          {"variant", 0, FLAG_STRING, &variant, "NAME",
                           "of a diffusers folder's files, e.g. fp16", 0, 0}};
    const Command command = {
        "latentc weights check SPEC [PIPELINE.json]",
        "Does a checkpoint have every weight of a pipeline's models, in the right shape, and no others? Exit code 1 when not.\n"
        "Models that the checkpoint does not have at all are left out. Without PIPELINE.json: Stable Diffusion 2.\n"
        "  latentc weights check unet/diffusion_pytorch_model.safetensors --values",
        flags,
        2,
        1,
        2,
        arguments};
    flags_parse(&command, argc, argv);
    need_checkpoint(arguments[0], "check");
    Subject s = subject_open(arguments[0], arguments[1], variant);
    size_t bad = 0;
    print_origin(s.checkpoint);
    for (int i = 0; i < s.n; i++) {
        const SubjectModel *m = &s.model[i];
        const WeightFit *f = &m->fit;
        size_t wrong = f->n_missing + f->n_extra + f->n_wrong;
        if (!m->here) {
            printf("%-16s not here\n", m->graph->name);
            continue;
        }
        printf("%-16s %zu of %zu weights%s\n", m->graph->name, f->n - f->n_missing, f->n,
               wrong ? "" : ", as they should be");
        print_some("missing", f->missing, f->n_missing);
        print_some("unknown", f->extra, f->n_extra);
        print_some("wrong:", f->wrong, f->n_wrong);
        bad += wrong;
        if (values && !wrong)
            read_values(m);
    }
    readings_check();
    const char **strange = xcalloc(s.checkpoint->n + 1, sizeof *strange);
    print_some("of no model:", strange, strangers(&s, strange));
    free(strange);
    if (fflush(stdout))
        err("standard output cannot be written");
    if (!s.n_here)
        err("%s: has no weights of %s", arguments[0], s.file);
    if (bad)
        err("%s: does not fit %s: %zu weights are missing, unknown or of another shape",
            arguments[0], s.file, bad);
    subject_close(&s);
    return EXIT_OK;
}

/* ---- the table
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct { const char *name, *args, *help; int (*run)(int argc, char **argv); } actions[] = {
    {"list", "SPEC", "every tensor with type and shape, what it is, and what the checkpoint is taken for", cmd_list},
    {"check", "SPEC [PIPELINE.json]", "what is missing, unknown or of another shape, for each model", cmd_check},
    {"convert", "SPEC -o OUT --to FORM", "the same weights under other names: latentc, diffusers, ldm, keras, keras3; or packed, for a generator", weights_convert},
    {"fetch", "NAME", "published weights into the cache; without NAME: which there are", weights_fetch},
};
/* clang-format on */
enum { N_ACTIONS = sizeof actions / sizeof actions[0] };

int cmd_weights(int argc, char **argv)
{
    const char *names[N_ACTIONS], *word = argc > 1 ? argv[1] : NULL;
    if (!word)
        usage_err("weights: an action is missing; 'latentc weights --help' lists them");
    for (int i = 0; i < N_ACTIONS; i++) {
        names[i] = actions[i].name;
        if (!strcmp(word, actions[i].name))
            return actions[i].run(argc - 1, argv + 1);
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        puts(
            "usage: latentc weights ACTION SPEC ...\nCheckpoints: diffusers folders, safetensors of diffusers, LDM and latentc, Keras .h5, names of published weights, or one of their models.\n");
        for (int i = 0; i < N_ACTIONS; i++)
            printf("  %-8s %-24s %s\n", actions[i].name, actions[i].args, actions[i].help);
        puts("\n  latentc weights ACTION --help says more.");
        return EXIT_OK;
    }
    const char *near = nearest_word(word, names, N_ACTIONS);
    usage_err("weights: unknown action '%s'%s%s%s", word,
              near ? "; did you mean '" : "; 'latentc weights --help' lists them", near ? near : "",
              near ? "'?" : "");
}
