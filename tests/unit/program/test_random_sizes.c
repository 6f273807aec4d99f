/* Very narrow models of graphs/sd2 at random sizes, multiples of 8 from 8 to 200, each with other
 * passes and another form of convolutions, against the interpreter in double. The long tier has
 * every combination of passes, and other targets and bf16; FIRST=1000 COUNT=50 for other numbers.
 *
 * Bound: 1e-5 direct, 5e-5 with forms, as in numeric/, and eight times what the interpreter itself
 * is off in f32, as in test_random_compiled: a norm of two values enlarges rounding. In bf16 3e-2
 * and, as it rounds 2^16 times as coarsely, 2^16 times that error. */
#include "graphfile.h"
#include "interp.h"
#include "jit.h"
#include "pass.h"
#include "randgraph.h"
#include "alloc.h"
#include "err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>

enum { QUICK = 3, LARGEST = 25, DATA_SEED = 3 };

static const int64_t unet_widths[] = {8, 16, 8}, vae_widths[] = {8, 8, 16, 16};

/* A graph of graphs/sd2 and its parameters besides the size. */
typedef struct {
    const char *graph;
    ParamSet params[12];
} Narrow;
/* clang-format off */
#define SET(n, v) {.name = n, .value = v}
#define LIST(n, v) {.name = n, .kind = PARAM_INTS, .ints = v, .n_ints = sizeof v / sizeof v[0]}
static const Narrow narrow[] = {
    {"diffusion_model", {LIST("widths", unet_widths), SET("blocks", 1), SET("attention_levels", 1), SET("head_size", 8), SET("groups", 4),
                         SET("context_width", 8), SET("max_text_length", 5), SET("time_in", 8), SET("time_width", 16), SET("batch", 2)}},
    {"decoder", {LIST("widths", vae_widths), SET("blocks", 1), SET("groups", 4)}},
    {"image_encoder", {LIST("widths", vae_widths), SET("blocks", 1), SET("groups", 4)}},
};
/* clang-format on */
enum { N_NARROW = sizeof narrow / sizeof narrow[0] };

/* Where the code of a trial runs. */
typedef struct {
    const char *target;
    bool bf16;
} Place;
static const Place host = {"host", false};
static const Place others[] = {{"host", true}, {"amx-model", true}, {"x86-64", false}};
enum { N_OTHERS = sizeof others / sizeof others[0], OTHER_TRIALS = 48 };

/* What number i of the test compiles. */
typedef struct {
    const Narrow *model;
    int64_t height, width;
    unsigned fuse;
    ConvMode conv;
} Trial;

static uint64_t scrambled(uint64_t i)
{
    uint64_t z = (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    return z ^ (z >> 31);
}

/* As many in a row as there are combinations of passes have every one. */
static Trial trial(uint64_t i)
{
    uint64_t random = scrambled(i);
    return (Trial){.model = &narrow[i % N_NARROW],
                   .height = 8 * (int64_t)(1 + random % LARGEST),
                   .width = 8 * (int64_t)(1 + (random >> 8) % LARGEST),
                   .fuse = (unsigned)(FUSE_ALL - i) & FUSE_ALL,
                   .conv = (ConvMode)((random >> 16) % CONV_MODES)};
}

static Graph *load(const Trial *t)
{
    char path[512];
    snprintf(path, sizeof path, "%s/graphs/sd2/%s.json", SOURCE_DIR, t->model->graph);
    ParamSet sets[16];
    int n = 0;
    for (; t->model->params[n].name; n++)
        sets[n] = t->model->params[n];
    sets[n++] = (ParamSet){.name = "img_height", .value = t->height};
    sets[n++] = (ParamSet){.name = "img_width", .value = t->width};
    return graph_load(path, sets, n);
}

static double bound_of(const Trial *t, const Place *p, double in_f32)
{
    return p->bf16 ? 3e-2 + 65536 * in_f32 : (t->conv == CONV_DIRECT ? 1e-5 : 5e-5) + 8 * in_f32;
}

static bool agrees(uint64_t i, const Place *p)
{
    Trial t = trial(i);
    Graph *g = load(&t);
    float **expected = interpreted(g, DATA_SEED, true), **in_f32 = interpreted(g, DATA_SEED, false),
          **found = output_buffers(g);
    void **inputs = random_inputs(g, DATA_SEED);
    WeightSource *w = weights_open("synthetic:7", g->name);
    /* NaN: an element that is not written shows */
    memset(found[0], 0xff, (size_t)shape_count(&tensor(g, g->outputs[0])->shape) * sizeof **found);
    double bound = bound_of(&t, p, outputs_difference(g, expected, in_f32));
    jit_run_graph(
        g, w, program_new(target_for(p->target, p->bf16), t.fuse, t.conv, p->bf16),
        &(GraphRun){.threads = 2, .inputs = (const void *const *)inputs, .outputs = found});
    double d = outputs_difference(g, expected, found);
    if (!(d <= bound) || getenv("VERBOSE")) {
        Buf passes_text = {0};
        fuse_print(t.fuse, &passes_text);
        note(
            "number %llu: %s %lldx%lld, --target %s%s --fuse %s --conv %s: relative rms %.2g, bound %.2g",
            (unsigned long long)i, t.model->graph, (long long)t.width, (long long)t.height,
            p->target, p->bf16 ? " --dtype bf16" : "", passes_text.data, conv_names[t.conv], d,
            bound);
        buf_free(&passes_text);
    }
    weights_close(w);
    random_data_free(inputs, g->n_inputs);
    random_data_free((void **)expected, g->n_outputs);
    random_data_free((void **)in_f32, g->n_outputs);
    random_data_free((void **)found, g->n_outputs);
    graph_free(g);
    return d <= bound;
}

static void random_sizes(void **state)
{
    (void)state;
    uint64_t first = from_environment("FIRST", 0),
             count = from_environment("COUNT", getenv("LATENTC_LONG") ? FUSE_ALL + 1 : QUICK);
    int wrong = 0;
    for (uint64_t i = first; i < first + count; i++)
        wrong += !agrees(i, &host);
    assert_int_equal(wrong, 0);
}

static void other_targets(void **state)
{
    (void)state;
    if (!getenv("LATENTC_LONG") && !getenv("COUNT"))
        skip();
    uint64_t first = from_environment("FIRST", 0), count = from_environment("COUNT", OTHER_TRIALS);
    int wrong = 0;
    for (uint64_t i = first; i < first + count; i++) {
        const Place *p = &others[scrambled(i) % N_OTHERS];
        if (target_runs_here(target_for(p->target, p->bf16)))
            wrong += !agrees(i, p);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_sizes),
                                       cmocka_unit_test(other_targets)};
    return cmocka_run_group_tests_name("random sizes", tests, NULL, NULL);
}
