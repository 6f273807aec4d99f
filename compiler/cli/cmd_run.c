/* latentc run: one graph on tensors from a file, compiled or interpreted. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "open_models.h"
#include "commands.h"
#include "flags.h"
#include "hardware.h"
#include "interp.h"
#include "jit.h"
#include "outfile.h"
#include "tune.h"
#include "pass.h"
#include "progress.h"
#include "safetensors.h"
#include "err.h"
#include "files.h"
#include "words.h"
#include "alloc.h"

typedef struct {
    const char *graph, *inputs, *outputs, *precision;
    CodeFlags code;
    bool interpret;
    int64_t repeat, threads;
    WeightFlags weights;
} RunFlags;

/* The graph with its tensors, ready to run as often as wanted. */
typedef struct {
    Graph *g;
    WeightSource *weights;
    void **inputs;
    float **outputs;
} Run;

static void parse_flags(int argc, char **argv, RunFlags *f)
{
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("Tensors", "latentc run graphs/sd2/decoder.json --weights synthetic:1 --inputs in.safetensors --outputs out.safetensors"),
        {"inputs", 0, FLAG_STRING, &f->inputs, "FILE", "safetensors file with one tensor for each input", 0, 0},
        {"outputs", 0, FLAG_STRING, &f->outputs, "FILE", "safetensors file to write", 0, 0},
        WEIGHTS_FLAGS(&f->weights, "latentc run graphs/sd2/decoder.json --weights decoder=vae --inputs in.safetensors --outputs out.safetensors"),
        CODE_FLAGS(&f->code, "latentc run graphs/sd2/decoder.json --weights synthetic:1 --dtype bf16 --inputs in.safetensors --outputs out.safetensors"),
        FLAG_GROUP("How", "latentc run graphs/sd2/decoder.json --weights synthetic:1 --inputs in.safetensors --repeat 5"),
        {"interpret", 0, FLAG_BOOL, &f->interpret, NULL, "run the reference interpreter; passes run only where --fuse names them", 0, 0},
        {"precision", 0, FLAG_STRING, &f->precision, "f32|f64", "numbers of the interpreter; default f64", 0, 0},
        {"threads", 't', FLAG_INT, &f->threads, "N", "threads; default: one per physical core", 1, 4096},
        {"repeat", 0, FLAG_INT, &f->repeat, "N", "time N runs after one that warms up; print one line of JSON", 1, 1000000},
    };
    /* clang-format on */
    const char *arguments[1];
    const Command command = {
        "latentc run GRAPH.json --inputs FILE --outputs FILE --weights SPEC [flags]",
        "Compiles and runs one graph. The tensors of the input file are found by the names of the graph's inputs.",
        flags,
        sizeof flags / sizeof flags[0],
        1,
        1,
        arguments,
    };
    flags_parse(&command, argc, argv);
    f->graph = graph_file(arguments[0]);
    if (!f->inputs)
        usage_err("run: --inputs FILE is missing");
    if (!f->outputs && !f->repeat)
        usage_err("run: --outputs FILE is missing");
    static const char *const precisions[] = {"f32", "f64"};
    name_choice("--precision", f->precision, NAMES(precisions, 2));
}

static const char *st_shape(Arena *a, const StTensor *t)
{
    const char *s = "";
    for (int i = 0; i < t->rank; i++)
        s = arena_printf(a, "%s%s%lld", s, i ? "," : "", (long long)t->dim[i]);
    return arena_printf(a, "[%s]", s);
}

/* A copy of the file's tensor for this input, aligned as its type wants it. */
static void *read_input(const Graph *g, const StFile *file, const Tensor *want)
{
    const StTensor *t = st_find(file, want->name);
    StDtype dtype = want->dtype == DT_I32 ? ST_I32 : ST_F32;
    if (!t)
        err("%s: tensor \"%s\" is missing; expected %s%s, an input of %s", file->path, want->name,
            dtype_name(want->dtype), shape_text(g->arena, &want->shape), g->name);
    bool same = t->rank == want->shape.rank;
    for (int i = 0; same && i < t->rank; i++)
        same = t->dim[i] == want->shape.dim[i];
    if (!same || t->dtype != dtype)
        err("%s: input \"%s\" is %s%s, expected %s%s", file->path, want->name, t->type,
            st_shape(g->arena, t), st_dtype_name(dtype), shape_text(g->arena, &want->shape));
    void *copy = xmalloc(t->bytes);
    memcpy(copy, t->data, t->bytes);
    return copy;
}

static void make_buffers(Run *r, const char *path)
{
    const Graph *g = r->g;
    StFile *file = st_open(path);
    r->inputs = xcalloc(g->n_inputs + 1, sizeof *r->inputs);
    r->outputs = xcalloc(g->n_outputs + 1, sizeof *r->outputs);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        r->inputs[i] = read_input(g, file, tensor(g, g->inputs[i]));
    for (uint32_t i = 0; i < g->n_outputs; i++)
        r->outputs[i] = xcalloc((size_t)shape_count(&tensor(g, g->outputs[i])->shape),
                                sizeof(float));
    st_close(file);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One run; with repeat, that is a warm-up, and as many timed runs follow. */
static void run_interpreted(Run *r, bool in_double, int64_t repeat, double *seconds)
{
    for (int64_t i = -1; i < repeat; i++) {
        double start = lrt_now();
        interpret(r->g, r->weights, (const void *const *)r->inputs, r->outputs, in_double);
        if (i >= 0)
            seconds[i] = lrt_now() - start;
    }
}

/* The times as one line of JSON. */
static void print_times(const double *seconds, int64_t n)
{
    double *sorted = xmalloc((size_t)n * sizeof *sorted);
    memcpy(sorted, seconds, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    printf("{\"min\": %.6f, \"median\": %.6f, \"runs\": [", sorted[0],
           (sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
    for (int64_t i = 0; i < n; i++)
        printf("%s%.6f", i ? ", " : "", seconds[i]);
    printf("]}\n");
    free(sorted);
}

static void write_outputs(const Run *r, const char *path)
{
    StOut *out = xcalloc(r->g->n_outputs + 1, sizeof *out);
    for (uint32_t i = 0; i < r->g->n_outputs; i++)
        out[i] = (StOut){r->g->output_names[i], DT_F32, tensor(r->g, r->g->outputs[i])->shape,
                         r->outputs[i]};
    st_write(path, out, r->g->n_outputs, NULL, 0);
    free(out);
}

static void free_run(Run *r)
{
    for (uint32_t i = 0; i < r->g->n_inputs; i++)
        free(r->inputs[i]);
    for (uint32_t i = 0; i < r->g->n_outputs; i++)
        free(r->outputs[i]);
    free(r->inputs);
    free(r->outputs);
    weights_close(r->weights);
    graph_free(r->g);
}

int cmd_run(int argc, char **argv)
{
    RunFlags f = {.precision = "f64", .code = CODE_DEFAULTS};
    parse_flags(argc, argv, &f);
    if (f.outputs)
        output_claim(f.outputs);
    unsigned fuse = f.code.fuse ? fuse_parse(f.code.fuse) : f.interpret ? FUSE_NONE : FUSE_ALL;
    ParamSet *sets;
    int n_sets = flags_sets(&f.code.sets, &sets);
    GraphWeights from;
    Run r = {.g = graph_open(f.graph, sets, n_sets, &f.weights, &from)};
    if (f.threads)
        omp_set_num_threads(threads_to_use(f.threads));
    r.weights = graph_weights(r.g, &from, "run");
    flags_cache(&f.code, r.g);
    flags_quantise(&f.code, r.g);
    make_buffers(&r, f.inputs);
    double *seconds = f.repeat ? xcalloc((size_t)f.repeat, sizeof *seconds) : NULL;
    if (f.interpret) {
        passes_run(r.g, fuse, NULL, false);
        run_interpreted(&r, !strcmp(f.precision, "f64"), f.repeat, seconds);
    } else {
        Program *p = program_for(&f.code);
        program_add_tuned(p, r.g);
        jit_run_program(p, r.weights,
                        &(GraphRun){f.threads ? omp_get_max_threads() : threads_to_use(0),
                                    (const void *const *)r.inputs, r.outputs, (int)f.repeat,
                                    seconds});
    }
    if (f.repeat)
        print_times(seconds, f.repeat);
    free(seconds);
    if (f.outputs)
        write_outputs(&r, f.outputs);
    free_run(&r);
    if (from.checkpoint)
        checkpoint_close(from.checkpoint);
    return EXIT_OK;
}
