/* A layer's own error: its result on whole numbers against its result in f32, both from the
 * operands that the f32 model has, relative rms. So a program in f32 has some layers twice, and
 * both results of each are outputs. Layers are put back to bf16 in the order of their own errors,
 * largest first.
 *
 * How many: few enough that the int8 program has an error of at most `most`, found by bisection,
 * since each try compiles a program. The error falls with each layer but for a few per cent. */
#include "calibrate.h"
#include "calibrate_points.h"
#include "attr.h"
#include "compile.h"
#include "construct.h"
#include "jit.h"
#include "open_models.h"
#include "alloc.h"
#include "err.h"
#include "files.h"
#include "outfile.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Layers whose own errors one program gives: each has two outputs. */
enum { TOGETHER = 24 };

typedef struct {
    const char *path;
    double error; /* its own */
} Layer;

typedef struct {
    const Calibration *c;
    Points points;
    Layer *layers; /* by error, largest first, once all are known */
    int n;
} Work;

static void say(const Work *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const Work *w, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!w->c->quiet)
        note("calibration: %s", text);
}

static Model open_model(const Work *w)
{
    return model_open(w->c->opened, &w->c->opened->model[MODEL_DIFFUSION_MODEL], w->points.batch,
                      w->points.guided, NULL);
}

/* For this machine, whatever the target: whole numbers are the same everywhere. */
static Program *new_program(const Work *w, ConvMode conv, bool bf16)
{
    const CodeFlags *f = &w->c->flags->code;
    Program *p = program_new(target_for("host", PRODUCTS_INT8),
                             fuse_parse(f->fuse ? f->fuse : "all"), conv, bf16);
    p->quiet = true;
    p->optimize = optimize_parse(f->optimize);
    return p;
}

/* ---- own errors ---- */

/* The model with every layer as it may be quantised, after passes. */
static Model all_quantised(const Work *w, const Program *p)
{
    Model m = open_model(w);
    static const QuantLayers all = {.all = true};
    m.graph->quantise = QUANTISE_INT8;
    m.graph->layers = &all;
    program_passes(p, m.graph);
    return m;
}

static void find_layers(Work *w)
{
    Program *p = new_program(w, CONV_DIRECT, false);
    Model m = all_quantised(w, p);
    w->layers = xcalloc(m.graph->n_ops + 1, sizeof *w->layers);
    for (uint32_t i = 0; i < m.graph->n_ops; i++)
        if (op_is_contract(m.graph->ops[i].kind) && m.graph->ops[i].attr.contract.quant)
            w->layers[w->n++] = (Layer){
                .path = arena_strdup(w->points.arena, m.graph->ops[i].path)};
    model_close(&m);
    program_free(p);
}

/* The quantised ops of g become f32; those with numbers from..to get a quantised twin that reads
 * the same, and both results are outputs. */
static void add_twins(Graph *g, int from, int to)
{
    int number = 0;
    for (uint32_t i = 0, all = g->n_ops; i < all; i++) {
        Op twin = g->ops[i];
        if (!op_is_contract(twin.kind) || !twin.attr.contract.quant)
            continue;
        g->ops[i].attr.contract.quant = QUANT_NONE;
        g->ops[i].in[SLOT_RANGE] = NO_TENSOR;
        if (number >= from && number < to) {
            graph_add_output(g, arena_printf(g->arena, "plain%d", number), g->ops[i].out);
            graph_add_output(g, arena_printf(g->arena, "whole%d", number), graph_add_op(g, twin));
        }
        number++;
    }
    graph_sweep(g);
    graph_rebind(g);
}

/* Runs all points; adds to each layer's sums of squares: of the difference, of the result. */
static void run_twins(const Points *p, const lrt_stage *s, const void *weights, int n,
                      double (*sums)[2])
{
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(s, weights, 0, &failed);
    float *out[1 + 2 * TOGETHER];
    int64_t values[1 + 2 * TOGETHER];
    if (!x)
        err("%s", failed);
    for (int i = 0; i < 1 + 2 * n; i++) {
        values[i] = 1;
        for (uint32_t d = 0; d < s->outputs[i].rank; d++)
            values[i] *= s->outputs[i].dim[d];
        out[i] = xcalloc((size_t)values[i], sizeof **out);
        lrt_set_output(x, (uint32_t)i, out[i]);
    }
    for (int k = 0; k < p->n; k++) {
        for (int i = 0; i < p->n_inputs; i++)
            lrt_set_input(x, (uint32_t)i, p->list[k].inputs[i]);
        lrt_run_all(x);
        for (int i = 0; i < n; i++)
            for (int64_t v = 0; v < values[1 + 2 * i]; v++) {
                double plain = out[1 + 2 * i][v], d = out[2 + 2 * i][v] - plain;
                sums[i][0] += d * d;
                sums[i][1] += plain * plain;
            }
    }
    for (int i = 0; i < 1 + 2 * n; i++)
        free(out[i]);
    lrt_instance_free(x);
}

static void own_errors(Work *w, int from, int to)
{
    /* --conv int8: convolutions that are quantised are computed so, all others directly */
    Program *p = new_program(w, CONV_INT8, false);
    Model m = all_quantised(w, p);
    double sums[TOGETHER][2] = {{0}};
    add_twins(m.graph, from, to);
    program_lower(p, m.graph);
    Engine *e = engine_new(p, &m.weights);
    run_twins(&w->points, engine_program(e)->stages[0], engine_weights(e, 0), to - from, sums);
    for (int i = from; i < to; i++)
        w->layers[i].error = sums[i - from][1] > 0 ? sqrt(sums[i - from][0] / sums[i - from][1])
                                                   : 0;
    engine_free(e);
    model_close(&m);
}

/* ---- the choice ---- */

static int by_error(const void *a, const void *b)
{
    double x = ((const Layer *)a)->error, y = ((const Layer *)b)->error;
    return (x < y) - (x > y);
}

/* What leaves the first `back` layers in bf16. */
static const QuantLayers *layers_of(const Work *w, Arena *a, int back)
{
    QuantLayers *l = arena_alloc(a, sizeof *l);
    *l = (QuantLayers){.file = w->c->layers, .n = w->n};
    l->layers = arena_alloc(a, ((size_t)w->n + 1) * sizeof *l->layers);
    for (int i = 0; i < w->n; i++)
        l->layers[i] = (QuantLayer){.path = w->layers[i].path, .int8 = i >= back};
    return l;
}

/* The error of the model with that many layers put back. */
static double error_with(const Work *w, int back)
{
    Model m = open_model(w);
    CodeFlags rule = w->c->flags->code;
    rule.int8_layers = NULL; /* it is not written yet */
    flags_quantise(&rule, m.graph);
    m.graph->layers = layers_of(w, m.graph->arena, back);
    Program *p = new_program(w, conv_parse(w->c->flags->code.conv), true);
    program_add(p, m.graph);
    Engine *e = engine_new(p, &m.weights);
    double error = points_error(&w->points, engine_program(e)->stages[0], engine_weights(e, 0));
    engine_free(e);
    model_close(&m);
    say(w, "%d of %d layers in bf16: error %.3e", back, w->n, error);
    return error;
}

/* How many layers to put back: 0 .. n. *error gets the error with them. */
static int choose(const Work *w, double *error)
{
    int enough = w->n, few = 0;
    double most = w->c->most;
    *error = error_with(w, 0);
    if (*error <= most)
        return 0;
    *error = error_with(w, enough);
    if (!(*error <= most))
        err("--int8-error %g: bf16 alone has an error of %.3e; expected more than that", most,
            *error);
    while (enough - few > 1) {
        int middle = few + (enough - few) / 2;
        double e = error_with(w, middle);
        if (e <= most) {
            enough = middle;
            *error = e;
        } else {
            few = middle;
        }
    }
    return enough;
}

static void write_table(const Work *w, int back, double error)
{
    Buf text = {0};
    buf_printf(&text,
               "# relative rms error of the output %.3e, of at most %.3e; each layer's own\n",
               error, w->c->most);
    buf_printf(&text, "graph %s\n", model_rows[MODEL_DIFFUSION_MODEL].name);
    for (int i = 0; i < w->n; i++)
        buf_printf(&text, "%-48s %s  %.2e\n", w->layers[i].path, i < back ? "bf16" : "int8",
                   w->layers[i].error);
    OutFile *f = outfile_open(w->c->layers);
    outfile_write(f, text.data, text.len);
    outfile_commit(f, 0644);
    buf_free(&text);
}

/* The lines that say something. */
static char **read_prompts(Arena *a, const char *path, int *n)
{
    char *text = read_file(path, NULL), *save, **list = NULL;
    int cap = 0;
    *n = 0;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (!line[strspn(line, " \t")])
            continue;
        GROW(list, *n, cap);
        list[(*n)++] = arena_strdup(a, line);
    }
    free(text);
    if (!*n)
        err("%s: no prompts; expected one on each line", path);
    return list;
}

void calibrate(const Calibration *c)
{
    Work w = {.c = c};
    Arena *a = arena_new();
    int n_prompts;
    char **prompts = read_prompts(a, c->prompts, &n_prompts);
    output_check(c->layers);
    w.points = points_record(c, prompts, n_prompts);
    find_layers(&w);
    for (int i = 0; i < w.n; i += TOGETHER) {
        own_errors(&w, i, i + TOGETHER < w.n ? i + TOGETHER : w.n);
        say(&w, "own errors of %d of %d layers", i + TOGETHER < w.n ? i + TOGETHER : w.n, w.n);
    }
    qsort(w.layers, (size_t)w.n, sizeof *w.layers, by_error);
    double error;
    int back = choose(&w, &error);
    write_table(&w, back, error);
    say(&w, "error %.3e with %d of %d layers in bf16: %s", error, back, w.n, c->layers);
    points_free(&w.points);
    free(w.layers);
    free(prompts);
    arena_free(a);
}
