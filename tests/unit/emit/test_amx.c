/* The tile unit (AMX): its model (runtime/walk/amx_model.c) bit for bit against tdpbf16ps as the
 * architecture manual defines it, and whole narrow models compiled for it (target amx-model: what
 * the target amx runs, with calls of the model for tile instructions) against the interpreter.
 *
 * Bound: that of bf16 (tests/numeric/compiled.sh), 3e-2; and, as the tile unit rounds nothing that
 * others do not, half more than the error of the same model with bf16 operands on AVX2. */
#include "amx_model.h"
#include "construct.h"
#include "graphfile.h"
#include "interp.h"
#include "jit.h"
#include "pipeline.h"
#include "randgraph.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROWS = 16, PAIRS = 16, COLUMNS = 16, C = 0, A = 4, B = 6 };
typedef struct {
    uint16_t a[ROWS][2 * PAIRS], b[PAIRS][COLUMNS][2];
    float c[ROWS][COLUMNS];
} Tiles;

static bool have_model(void) { return target_runs_here(target_for("amx-model", true)); }

static void configure(int rows, int pairs, int columns)
{
    lrt_tile_config t = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        t.rows[i] = (uint8_t)(i >= B ? pairs : rows);
        t.bytes[i] = (uint16_t)(4 * (i == A || i == A + 1 ? pairs : columns));
    }
    lrt_amx_model_config(&t);
}

static void multiply(Tiles *t, int rows, int pairs, int columns)
{
    configure(rows, pairs, columns);
    lrt_amx_model_load(C, t->c, sizeof t->c[0]);
    lrt_amx_model_load(A, t->a, sizeof t->a[0]);
    lrt_amx_model_load(B, t->b, sizeof t->b[0]);
    lrt_amx_model_dot(C, A, B);
    lrt_amx_model_store(C, t->c, sizeof t->c[0]);
    lrt_amx_model_release();
}

static float bf16(uint16_t bits)
{
    uint32_t u = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &u, 4);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

/* The manual's order in double: exact before each rounding, as exponents span less than what a
 * double holds beyond a float. */
static void expect_products(Tiles *t, int rows, int pairs, int columns)
{
    for (int m = 0; m < rows; m++)
        for (int n = 0; n < columns; n++) {
            float sum[2] = {0};
            for (int k = 0; k < pairs; k++)
                for (int h = 0; h < 2; h++)
                    sum[h] = (float)((double)sum[h] + (double)bf16(t->a[m][2 * k + h]) *
                                                          (double)bf16(t->b[k][n][h]));
            t->c[m][n] += sum[0] + sum[1];
        }
}

/* Sign, exponent -5 to 4, seven random bits. */
static uint16_t random_bf16(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    uint32_t r = *state >> 8;
    return (uint16_t)((r & 0x807f) | (122 + (r >> 16) % 10) << 7);
}

static void random_products(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    static const int shapes[][3] = {{16, 16, 16}, {1, 16, 16}, {16, 1, 16},
                                    {7, 13, 16},  {16, 16, 3}, {5, 2, 1}};
    uint32_t seed = 1;
    for (size_t s = 0; s < 6 * sizeof shapes / sizeof shapes[0]; s++) {
        const int *n = shapes[s % (sizeof shapes / sizeof shapes[0])];
        Tiles got;
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < COLUMNS; k++) {
                got.c[i][k] = bf16(random_bf16(&seed)) * 1.2345f;
                for (int h = 0; h < 2; h++) {
                    got.a[i][2 * k + h] = random_bf16(&seed);
                    got.b[i][k][h] = random_bf16(&seed);
                }
            }
        Tiles want = got; /* what the tiles do not cover stays */
        expect_products(&want, n[0], n[1], n[2]);
        multiply(&got, n[0], n[1], n[2]);
        assert_memory_equal(&got, &want, sizeof got);
    }
}

/* c + a0 b0 + a1 b1, all by their bits. */
static uint32_t one_pair(uint32_t c, uint16_t a0, uint16_t b0, uint16_t a1, uint16_t b1)
{
    Tiles t = {.a = {{a0, a1}}, .b = {{{b0, b1}}}};
    memcpy(&t.c[0][0], &c, 4);
    multiply(&t, 1, 1, 1);
    return bits_of(t.c[0][0]);
}

static void rounding(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    /* TINY: 2^-24, half a unit in the last place of 1; LEAST: 2^-126 */
    enum {
        ONE = 0x3f80,
        HALF = 0x3f00,
        TINY = 0x3380,
        LEAST = 0x0080,
        DENORMAL = 0x007f,
        INF = 0x7f80
    };
    const uint32_t one = 0x3f800000;
    unsigned mode = _mm_getcsr();
    for (int m = 0; m < 4; m++) { /* the thread's own mode and flags neither matter nor change */
        unsigned set = _MM_MASK_MASK | (unsigned)m << 13;
        _mm_setcsr(set);
        uint32_t tie_to_even = one_pair(one, ONE, TINY, 0, 0),
                 tie_to_odd = one_pair(one + 1, ONE, TINY, 0, 0);
        uint32_t both = one_pair(one, ONE, TINY, ONE, TINY),
                 denormal_operand = one_pair(0, DENORMAL, INF - 0x80, ONE, ONE);
        uint32_t denormal_product = one_pair(0, LEAST, HALF, 0, 0),
                 denormal_sum = one_pair(1, 0, 0, 0, 0);
        uint32_t least = one_pair(0, LEAST, ONE, 0, 0),
                 infinite = one_pair(one, INF, ONE, ONE, ONE);
        assert_int_equal(_mm_getcsr(), set);
        _mm_setcsr(mode);
        assert_int_equal(tie_to_even, one);
        assert_int_equal(tie_to_odd, one + 2);
        assert_int_equal(both, one + 1); /* the pair is added up before it meets c */
        assert_int_equal(denormal_operand, one);
        assert_int_equal(denormal_product, 0);
        assert_int_equal(denormal_sum, 0);
        assert_int_equal(least, 0x00800000);
        assert_int_equal(infinite, 0x7f800000);
        uint32_t nan = one_pair(one, INF, 0, ONE, ONE);
        assert_true((nan & 0x7fffffff) > 0x7f800000);
    }
}

static Graph *narrow(const PipelineModel *m, int64_t height, int64_t width, bool batch)
{
    ParamSet sets[64];
    memcpy(sets, m->params, (size_t)m->n_params * sizeof *sets);
    int n = m->n_params;
    sets[n++] = (ParamSet){.name = "img_height", .value = height};
    sets[n++] = (ParamSet){.name = "img_width", .value = width};
    if (batch)
        sets[n++] = (ParamSet){.name = "batch", .value = 2};
    return graph_load(m->graph, sets, n);
}

typedef struct {
    const PipelineModel *model;
    int64_t height, width;
    bool batch;
} Narrow;
static void check(const Narrow *m)
{
    static const char *const targets[] = {"amx-model", "x86-64-v3"};
    Graph *g = narrow(m->model, m->height, m->width, m->batch);
    WeightSource *w = weights_open("synthetic:3", g->name);
    size_t bytes = (size_t)shape_count(&tensor(g, g->outputs[0])->shape) * 4;
    float *want = malloc(bytes), *got[2];
    void *in[4] = {0};
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Shape *s = &tensor(g, g->inputs[i])->shape;
        in[i] = malloc((size_t)shape_count(s) * 4);
        synthetic_weight(i + 1, "input", "x.gamma", s, in[i]);
    }
    interpret(g, w, (const void *const *)in, &want, true);
    for (int i = 0; i < 2; i++) {
        Graph *h = narrow(m->model, m->height, m->width, m->batch);
        got[i] = malloc(bytes);
        jit_run_graph(
            h, w, program_new(target_for(targets[i], true), FUSE_ALL, CONV_AUTO, true),
            &(GraphRun){.threads = 2, .inputs = (const void *const *)in, .outputs = &got[i]});
        graph_free(h);
    }
    double tiles = outputs_difference(g, &want, &got[0]),
           vectors = outputs_difference(g, &want, &got[1]);
    print_message("%s %lldx%lld: %.2g, on AVX2 %.2g\n", g->name, (long long)m->width,
                  (long long)m->height, tiles, vectors);
    assert_true(tiles <= 3e-2);
    assert_true(tiles <= 1.5 * vectors);
    for (int i = 0; i < 2; i++)
        free(got[i]);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        free(in[i]);
    free(want);
    weights_close(w);
    graph_free(g);
}

static void narrow_models(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    const Pipeline *p = pipeline_load(SOURCE_DIR "/graphs/shapes/pipeline.json", NULL, 0);
    const Narrow models[] = {{&p->model[MODEL_DIFFUSION_MODEL], 64, 128, true},
                             {&p->model[MODEL_DECODER], 64, 64, false}};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        check(&models[i]);
}

/* Attention alone. loud: a key beyond the first ones has a score of about 100 (a factor of 2^144),
 * so that they were no guess of the maximum. */
typedef struct {
    int64_t n, m;
    int heads;
    int64_t size;
    bool loud;
} Alone;

static Graph *attention_alone(const Alone *a)
{
    Graph *g = graph_new("alone");
    int64_t c = a->heads * a->size;
    Op o = op_make(OP_ATTENTION, "attention");
    o.in[0] = graph_add_input(g, "q", DT_F32, shape3(2, a->n, c), BIND_STEP);
    o.in[1] = graph_add_input(g, "k", DT_F32, shape3(2, a->m, c), BIND_STEP);
    o.in[2] = graph_add_input(g, "v", DT_F32, shape3(2, a->m, c), BIND_STEP);
    o.attr.attn.heads = a->heads;
    o.attr.attn.head_size = a->size;
    o.attr.attn.scale = 0.125;
    graph_add_output(g, "y", graph_add_op(g, o));
    return g;
}

static void attend(const Alone *a, const char *target)
{
    if (!target_runs_here(target_for(target, true)))
        return;
    Graph *g = attention_alone(a), *h = attention_alone(a);
    WeightSource *w = weights_open("synthetic:3", "diffusion_model");
    int64_t c = a->heads * a->size, rows[] = {2 * a->n, 2 * a->m, 2 * a->m};
    float *in[3], *want = malloc((size_t)(rows[0] * c) * 4),
                  *got = malloc((size_t)(rows[0] * c) * 4);
    uint32_t seed = 7;
    for (int i = 0; i < 3; i++) {
        in[i] = malloc((size_t)(rows[i] * c) * 4);
        for (int64_t k = 0; k < rows[i] * c; k++)
            in[i][k] = bf16(random_bf16(&seed)) / 16;
        if (a->loud && i < 2) /* the first channel of each head */
            for (int64_t r = 0; r < rows[i]; r++)
                for (int k = 0; k < a->heads; k++)
                    if (i == 0 || r % a->m == a->m - 3)
                        in[i][r * c + k * a->size] = i ? 32 : 25;
    }
    interpret(g, w, (const void *const *)in, &want, true);
    jit_run_graph(h, w, program_new(target_for(target, true), FUSE_ALL, CONV_AUTO, true),
                  &(GraphRun){.threads = 2, .inputs = (const void *const *)in, .outputs = &got});
    double d = outputs_difference(g, &want, &got);
    print_message("%s, %lld queries, %lld keys, heads of %lld%s: %.2g\n", target, (long long)a->n,
                  (long long)a->m, (long long)a->size, a->loud ? ", one key loud" : "", d);
    assert_true(d <= 3e-2);
    for (int i = 0; i < 3; i++)
        free(in[i]);
    free(want);
    free(got);
    weights_close(w);
    graph_free(g);
}

static void attention(void **state)
{
    (void)state;
    const Alone cases[] = {{100, 320, 2, 64, false}, {100, 320, 2, 64, true},
                           {33, 301, 1, 32, true},   {70, 400, 1, 96, false},
                           {20, 275, 2, 40, true},   {40, 77, 2, 64, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        attend(&cases[i], "amx-model");
        attend(&cases[i], "amx");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_products),
                                       cmocka_unit_test(rounding), cmocka_unit_test(attention),
                                       cmocka_unit_test(narrow_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) { return 77; }
#endif
