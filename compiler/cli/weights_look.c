/* latentc weights list, check: what a checkpoint contains, and whether it fits a pipeline. */
#include "defaults.h"
#include "families.h"
#include "graph_json.h"
#include "safetensors.h"
#include "scales.h"
#include "schemes.h"
#include "subject.h"
#include "weights_actions.h"
#include "weights_packed.h"
#include "err.h"
#include "outfile.h"
#include "utf8.h"
#include "alloc.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define VARIANT_FLAG(into) {"variant", 0, FLAG_STRING, into, "NAME", "which files of a diffusers folder, e.g. fp16", 0, 0}
/* clang-format on */

static void need_checkpoint(const char *spec, const char *what)
{
    if (weights_synthetic(spec))
        usage_err("weights %s: %s makes every weight; there is nothing to %s", what, spec, what);
}

/* What a checkpoint is held against: a .keras archive has its own graph. */
static const char *against(const char *spec, const char *pipeline)
{
    return !pipeline && is_model_archive(spec) ? spec : pipeline;
}

/* Of any length, so not by print_plain, which cuts long lines. */
static void print_settings(const char *text)
{
    fputs("settings ", stdout);
    lrt_put_plain(stdout, text, strlen(text));
    putchar('\n');
}

static void print_origin(const Checkpoint *c)
{
    print_plain(stdout, "%s: %s", c->spec, c->format->name);
    print_plain(stdout, "taken for %s: %s", c->taken_for, c->why);
    const char *family = family_text(c->arena, c->settings);
    if (family)
        print_plain(stdout, "family %s", family);
    if (json_ok(c->settings))
        print_settings(json_text(c->settings));
    if (c->vocab)
        print_plain(stdout, "vocabulary %s", c->vocab);
    for (const char *line = c->notes; line && *line; line += strcspn(line, "\n") + 1)
        print_plain(stdout, "note: %.*s", (int)strcspn(line, "\n"), line);
}

/* ---- list ---- */

/* ---- list ---- */

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
    if (scales_have(s->checkpoint, name))
        return true;
    for (int i = 0; i < s->n; i++) {
        Counts n = counts_of(s->model[i].graph);
        if (scheme_ignores(s->checkpoint->scheme, name, &n))
            return true;
    }
    return false;
}

static void print_tensor(const Stored *t, const char *use, bool ignored)
{
    char shape[160] = "";
    size_t at = 0;
    for (int d = 0; d < t->rank; d++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%lld", d ? "x" : "",
                               (long long)t->dim[d]);
    print_plain(stdout, "%-5s %-18s %s  %s", checkpoint_type(t), t->rank ? shape : "one number",
                t->name,
                use       ? use
                : ignored ? "(not needed)"
                          : "(unknown)");
}

static void print_tensors(const Subject *s)
{
    const Checkpoint *c = s->checkpoint;
    const char **use = uses(s);
    size_t used = 0, ignored = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool skip = !use[i] && is_ignored(s, c->tensors[i].name);
        used += use[i] != NULL;
        ignored += skip;
        print_tensor(&c->tensors[i], use[i], skip);
    }
    printf("%zu tensors, %.1f MB: %zu are weights, %zu are not needed, %zu are unknown\n", c->n,
           (double)checkpoint_bytes(c) / 1e6, used, ignored, c->n - used - ignored);
}

int weights_list(int argc, char **argv)
{
    const char *variant = NULL, *arguments[2] = {0};
    /* clang-format off */
    const Flag flags[] = {VARIANT_FLAG(&variant)};
    /* clang-format on */
    const Command command = {
        "latentc weights list SPEC [PIPELINE.json | GRAPH.json]",
        "Lists every tensor of a checkpoint: type, shape, name, and which weight of the pipeline's models it is.\n"
        "The first lines say what the checkpoint is taken for, and why. Without PIPELINE.json: Stable Diffusion 2, or a .keras archive's own graph.\n"
        "For packed weights: what they were made from, for which target, type of numbers and size of pictures.\n"
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
    Subject s = subject_open(arguments[0], against(arguments[0], arguments[1]), variant);
    print_origin(s.checkpoint);
    print_tensors(&s);
    stdout_check();
    subject_close(&s);
    return EXIT_OK;
}

/* ---- check ---- */

/* ---- check ---- */

static void print_some(const char *what, const char **list, size_t n)
{
    enum { MOST = 10 };
    for (size_t i = 0; i < n && i < MOST; i++)
        print_plain(stdout, "  %s %s", what, list[i]);
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
        /* err() at NaN and infinity */
        weights_read_tensor(m->weights, m->graph, (TensorId){i + 1}, x);
        free(x);
    }
}

/* Tensors that no model owns. They do no harm: other programs store them. */
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

/* Prints the weights that one model of the pipeline lacks or has too much. Returns how many weights
 * are wrong. */
static size_t check_model(const SubjectModel *m, bool values)
{
    const WeightFit *f = &m->fit;
    size_t wrong = f->n_missing + f->n_extra + f->n_wrong;
    if (!m->here) {
        printf("%-16s not here\n", m->graph->name);
        return 0;
    }
    printf("%-16s %zu of %zu weights%s\n", m->graph->name, f->n - f->n_missing, f->n,
           wrong ? "" : ", as they should be");
    print_some("missing", f->missing, f->n_missing);
    print_some("unknown", f->extra, f->n_extra);
    print_some("wrong:", f->wrong, f->n_wrong);
    if (values && !wrong)
        read_values(m);
    return wrong;
}

/* The checkpoint decides defaults of a generator: it has the model of the loop. */
static bool has_loop(const Subject *s)
{
    for (int i = 0; i < s->n && !s->one_graph; i++)
        if (s->model[i].of->id == MODEL_DIFFUSION_MODEL)
            return s->model[i].here;
    return false;
}

static size_t check_subject(const Subject *s, bool values)
{
    size_t bad = 0;
    print_origin(s->checkpoint);
    if (has_loop(s))
        print_plain(stdout, "defaults of a generator: %s", defaults_text(s->arena, s->pipeline));
    for (int i = 0; i < s->n; i++)
        bad += check_model(&s->model[i], values);
    readings_check();
    if (s->one_graph) /* tensors of other models are nothing to say */
        return bad;
    const char **strange = xcalloc(s->checkpoint->n + 1, sizeof *strange);
    print_some("of no model:", strange, strangers(s, strange));
    free(strange);
    return bad;
}

int weights_check_command(int argc, char **argv)
{
    const char *variant = NULL, *arguments[2] = {0};
    bool values = false;
    /* clang-format off */
    const Flag flags[] = {
        {"values", 0, FLAG_BOOL, &values, NULL, "also read every number; stop at the first that is NaN or infinite", 0, 0},
        VARIANT_FLAG(&variant),
    };
    /* clang-format on */
    const Command command = {
        "latentc weights check SPEC [PIPELINE.json | GRAPH.json]",
        "Checks that a checkpoint has every weight of a pipeline's models, in the right shape, and no others. Exit code 1 when not.\n"
        "Models that the checkpoint does not have at all are not checked. Without PIPELINE.json: Stable Diffusion 2, or a .keras archive's own graph.\n"
        "  latentc weights check unet/diffusion_pytorch_model.safetensors --values",
        flags,
        2,
        1,
        2,
        arguments};
    flags_parse(&command, argc, argv);
    need_checkpoint(arguments[0], "check");
    Subject s = subject_open(arguments[0], against(arguments[0], arguments[1]), variant);
    subject_need_any(&s);
    size_t bad = check_subject(&s, values);
    stdout_check();
    if (bad)
        err("%s: does not fit %s: %zu weight%s missing, unknown or of another shape", arguments[0],
            s.file, bad, bad == 1 ? " is" : "s are");
    subject_close(&s);
    return EXIT_OK;
}
