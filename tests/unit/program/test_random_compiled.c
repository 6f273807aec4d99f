/* Random small graphs: compiled unfused, fused and with some fusions only, each agrees with the
 * interpreter in double.
 *
 * Bound: relative rms 5e-6, as in compiled.c, plus eight times what the interpreter itself is off
 * when it computes in f32. These graphs have no training behind them: a norm of two values, sums
 * that cancel and softmax over large scores enlarge the rounding of f32, whoever does it. Eight:
 * GroupNorm as scale and shift rounds thrice where the interpreter rounds x - mean once, and the
 * error of one small graph is a few samples of a distribution, not its deviation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "jit.h"
#include "pass.h"
#include "print.h"
#include "randgraph.h"
#include "err.h"

enum { GRAPHS = 16, MANY_GRAPHS = 300, DATA_SEED = 5 };

/* Whether the outputs agree; says on standard error where not, with the graph when VERBOSE is set.
 */
static bool agrees(uint64_t seed, const Target *target, unsigned fuse, int threads)
{
    Graph *g = random_graph(seed);
    float **expected = interpreted(g, DATA_SEED, true), **in_f32 = interpreted(g, DATA_SEED, false),
          **found = output_buffers(g);
    double bound = 5e-6 + 8 * outputs_difference(g, expected, in_f32);
    void **inputs = random_inputs(g, DATA_SEED);
    WeightSource *w = weights_open("synthetic:7", g->name);
    for (uint32_t i = 0; i < g->n_outputs; i++) /* NaN: an element that is not written shows */
        memset(found[i], 0xff,
               (size_t)shape_count(&tensor(g, g->outputs[i])->shape) * sizeof **found);
    jit_run_graph(
        g, w, program_new(target, fuse, CONV_DIRECT, false),
        &(GraphRun){.threads = threads, .inputs = (const void *const *)inputs, .outputs = found});
    double d = outputs_difference(g, expected, found);
    if (!(d <= bound)) {
        Buf text = {0};
        fuse_print(fuse, &text);
        note("seed %llu, %s, --fuse %.*s: relative rms %g, bound %g", (unsigned long long)seed,
             target->name, (int)text.len, text.data, d, bound);
        text.len = 0;
        graph_print_text(g, &text);
        if (getenv("VERBOSE"))
            note("%.*s", (int)text.len, text.data);
        buf_free(&text);
    }
    weights_close(w);
    random_data_free(inputs, g->n_inputs);
    random_data_free((void **)expected, g->n_outputs);
    random_data_free((void **)in_f32, g->n_outputs);
    random_data_free((void **)found, g->n_outputs);
    graph_free(g);
    return d <= bound;
}

/* Every seed with the flags of its own that `flags` gives. The long tier has more; FIRST_SEED=1000
 * GRAPHS=500 for others. */
static void all_seeds(unsigned (*flags)(uint64_t seed), int threads)
{
    uint64_t first = from_environment("FIRST_SEED", 0);
    uint64_t n = from_environment("GRAPHS", getenv("LATENTC_LONG") ? MANY_GRAPHS : GRAPHS);
    int wrong = 0;
    for (uint64_t seed = first; seed < first + n; seed++)
        wrong += !agrees(seed, target_for("host", PRODUCTS_F32), flags(seed), threads);
    assert_int_equal(wrong, 0);
}

static unsigned none(uint64_t seed) { return (void)seed, FUSE_NONE; }
static unsigned all(uint64_t seed) { return (void)seed, FUSE_ALL; }
static unsigned some(uint64_t seed) { return (unsigned)((seed * 37 + 11) % FUSE_ALL); }

static void unfused(void **state) { (void)state, all_seeds(none, 2); }
static void fused(void **state) { (void)state, all_seeds(all, 2); }
static void some_fusions(void **state) { (void)state, all_seeds(some, 1); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unfused), cmocka_unit_test(fused),
                                       cmocka_unit_test(some_fusions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
