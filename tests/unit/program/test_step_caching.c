/* Step caching: a full step, then short ones with other inputs, agree with the interpreter in
 * double, which keeps the values of the full step in the graph as it is written. Random graphs with
 * random marks, and parts of models; unfused, fused and with some fusions; f32 and bf16.
 *
 * Bounds as in test_random_compiled.c; bf16 as in compiled.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "compiled.h"
#include "interp.h"
#include "print.h"
#include "instance.h"
#include "parse_text.h"
#include "randgraph.h"
#include "verify.h"
#include "err.h"

enum { GRAPHS = 16, MANY_GRAPHS = 400, STEPS = 3 };

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Marks about one value in four that changes in every step and is no output; switches caching on.
 * False: there is none. */
static bool mark_some(Graph *g, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        bool is_output = false;
        for (uint32_t k = 0; k < g->n_outputs; k++)
            is_output |= tensor_eq(g->outputs[k], g->ops[i].out);
        if (draw(&state) % 4 == 0 && !is_output && g->ops[i].kind != OP_RESHAPE &&
            tensor(g, g->ops[i].out)->binding == BIND_STEP)
            assert_null(graph_mark(g, g->ops[i].out, 1));
    }
    if (!graph_cache_levels(g))
        return false;
    assert_null(graph_cache(g, 1));
    graph_verify(g, "marks");
    return true;
}

/* The inputs of every step. What varies with the prompt stays; rows of the timestep's are equal, as
 * the loop has them. */
static void make_inputs(const Graph *g, void **in[STEPS])
{
    for (int s = 0; s < STEPS; s++) {
        in[s] = random_inputs(g, (uint64_t)s + 3);
        for (uint32_t i = 0; i < g->n_inputs; i++) {
            const Tensor *t = tensor(g, g->inputs[i]);
            size_t bytes = (size_t)shape_count(&t->shape) * 4,
                   row = bytes / (size_t)t->shape.dim[0];
            if (t->binding == BIND_PROMPT || t->binding == BIND_CONST)
                memcpy(in[s][i], in[0][i], bytes);
            for (size_t at = row; t->binding == BIND_TIME && at < bytes; at += row)
                memcpy((char *)in[s][i] + at, in[s][i], row);
        }
    }
}

static int time_input(const Graph *g)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (tensor(g, g->inputs[i])->binding == BIND_TIME)
            return (int)i;
    return -1;
}

/* The compiled graph on these inputs; threads change with every step. */
static void run_steps(Engine *e, const Graph *g, void **in[STEPS], float **out, int threads)
{
    const char *failed;
    const lrt_stage *stage = engine_program(e)->stages[0];
    lrt_instance *x = lrt_instance_new(stage, engine_weights(e, 0), threads, &failed);
    int time = time_input(g);
    assert_non_null(x);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        lrt_set_output(x, i, out[i]);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        lrt_set_input(x, i, in[0][i]);
    lrt_run_prompt(x);
    int64_t c = time < 0 ? 1 : shape_channels(&tensor(g, g->inputs[time])->shape);
    float *rows = malloc((size_t)(STEPS * c) * sizeof *rows);
    for (int s = 0; s < STEPS && time >= 0; s++)
        memcpy(rows + s * c, in[s][time], (size_t)c * sizeof *rows);
    assert_int_equal(lrt_run_time(x, rows, STEPS, c), 0);
    assert_false(lrt_can_shorten(x));
    for (int s = 0; s < STEPS; s++) {
        for (uint32_t i = 0; i < g->n_inputs; i++)
            lrt_set_input(x, i, in[s][i]);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            memset(out[i], 0xff, (size_t)shape_count(&tensor(g, g->outputs[i])->shape) * 4);
        if (s)
            /* what short steps read is not in the working memory */
            memset(x->work->arena.p, 0xff, stage->arena_bytes);
        if (s && stage->short_step.n_steps)
            lrt_run_short_step(x, s);
        else
            lrt_run_step(x, s);
        assert_int_equal(lrt_can_shorten(x), stage->short_step.n_steps != 0);
    }
    free(rows);
    lrt_instance_free(x);
}

/* The text of the marked graph reads back as the same graph. */
static void check_text(const Graph *g)
{
    Buf text = {0}, again = {0};
    graph_print_text(g, &text);
    buf_add(&text, "", 1);
    Graph *back = graph_parse_text(text.data, "marked.txt");
    graph_print_text(back, &again);
    buf_add(&again, "", 1);
    assert_string_equal(text.data, again.data);
    for (uint32_t i = 0; i < g->n_ops; i++)
        assert_int_equal(tensor(back, back->ops[i].out)->binding,
                         tensor(g, g->ops[i].out)->binding);
    buf_free(&text);
    buf_free(&again);
    graph_free(back);
}

static double bound_of(const Graph *g, WeightSource *w, void **in[STEPS], float **expected,
                       bool bf16)
{
    const void *const *const *all = (const void *const *const *)in;
    float **in_f32 = output_buffers(g);
    interpret_steps(g, w, all, STEPS, expected, true);
    interpret_steps(g, w, all, STEPS, in_f32, false);
    double d = outputs_difference(g, expected, in_f32);
    random_data_free((void **)in_f32, g->n_outputs);
    return bf16 ? 2e-2 : 5e-6 + 8 * d;
}

/* Whether the compiled graph agrees; takes g. */
static bool agrees(Graph *g, const char *what, unsigned fuse, bool bf16)
{
    void **in[STEPS];
    make_inputs(g, in);
    check_text(g);
    float **expected = output_buffers(g), **found = output_buffers(g), **other = output_buffers(g);
    WeightSource *w = weights_open("synthetic:7", g->name);
    double bound = bound_of(g, w, in, expected, bf16);
    Program *p = program_new(target_for("host", bf16), fuse, bf16 ? CONV_AUTO : CONV_DIRECT, bf16);
    program_add(p, g);
    Engine *e = engine_new(p, &w);
    run_steps(e, g, in, found, 1);
    run_steps(e, g, in, other, 3);
    double d = outputs_difference(g, expected, found);
    bool right = d <= bound && outputs_difference(g, found, other) == 0;
    if (!right)
        note("%s, --fuse %x, %s: relative rms %g, bound %g", what, fuse, bf16 ? "bf16" : "f32", d,
             bound);
    engine_free(e);
    weights_close(w);
    for (int s = 0; s < STEPS; s++)
        random_data_free(in[s], g->n_inputs);
    random_data_free((void **)expected, g->n_outputs);
    random_data_free((void **)found, g->n_outputs);
    random_data_free((void **)other, g->n_outputs);
    graph_free(g);
    return right;
}

/* FIRST_SEED=1000 GRAPHS=500 for others. */
static void random_marks(void **state)
{
    (void)state;
    uint64_t first = from_environment("FIRST_SEED", 0);
    uint64_t n = from_environment("GRAPHS", getenv("LATENTC_LONG") ? MANY_GRAPHS : GRAPHS);
    int wrong = 0, marked = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        const unsigned fuse[] = {FUSE_ALL, FUSE_NONE, (unsigned)((seed * 37 + 11) % FUSE_ALL)};
        Graph *g = random_graph(seed);
        char what[32];
        snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
        if (!mark_some(g, seed)) {
            graph_free(g);
            continue;
        }
        marked++;
        wrong += !agrees(g, what, fuse[seed % 3], false);
    }
    assert_true(marked > (int)(n / 3));
    assert_int_equal(wrong, 0);
}

static void parts_of_models(void **state)
{
    (void)state;
    /* clang-format off */
    static const Case parts[] = {
        {"res block", res_block, {2, 8, 6, 24, 32, 8, 16}}, {"res block wide", res_block, {1, 20, 64, 64, 48, 16, 32}},
        {"transformer", transformer, {2, 6, 6, 64, 0, 4, 0}}, {"guided", guided, {2, 8, 8, 32, 48, 8, 0}},
        {"guided wide", guided, {2, 20, 64, 48, 33, 4, 0}}, {"sums", summed, {2, 37, 31, 32, 48, 8, 32}},
    };
    /* clang-format on */
    int wrong = 0;
    for (uint64_t k = 0; k < 4 * sizeof parts / sizeof parts[0]; k++) {
        Graph *g = make(&parts[k / 4]);
        if (mark_some(g, k))
            wrong += !agrees(g, parts[k / 4].name, k % 3 ? FUSE_ALL : FUSE_NONE, k % 2);
        else
            graph_free(g);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_marks),
                                       cmocka_unit_test(parts_of_models)};
    if (getenv("FILTER"))
        cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
