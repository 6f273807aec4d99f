/* Code for the tile unit (AMX): attention and narrow models, compiled for the target amx-model
 * (what the target amx runs, with calls of the model for tile instructions), against the
 * interpreter; attention alone also on vectors, where it needs the second attempt, too.
 *
 * Bound: that of bf16 (tests/numeric/compiled.sh), 3e-2; and, as the tile unit rounds nothing that
 * vectors with an instruction for bf16 do not, half more than the error of the same model on them
 * (on machines that run them: others multiply in f32 and round less). */
#include "construct.h"
#include "graphfile.h"
#include "interp.h"
#include "jit.h"
#include "pipeline.h"
#include "random_bf16.h"
#include "randgraph.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool have_model(void) { return target_runs_here(target_for("amx-model", PRODUCTS_BF16)); }

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
    static const char *const targets[] = {"amx-model", "x86-64-v4-bf16"};
    int n = target_runs_here(target_for(targets[1], PRODUCTS_BF16)) ? 2 : 1;
    Graph *g = narrow(m->model, m->height, m->width, m->batch);
    WeightSource *w = weights_open("synthetic:3", g->name);
    size_t bytes = (size_t)shape_count(&tensor(g, g->outputs[0])->shape) * 4;
    float *want = malloc(bytes), *got[2];
    double error[2];
    void *in[4] = {0};
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Shape *s = &tensor(g, g->inputs[i])->shape;
        in[i] = malloc((size_t)shape_count(s) * 4);
        synthetic_weight(i + 1, "input", "x.gamma", s, in[i]);
    }
    interpret(g, w, (const void *const *)in, &want, true);
    for (int i = 0; i < n; i++) {
        Graph *h = narrow(m->model, m->height, m->width, m->batch);
        got[i] = malloc(bytes);
        jit_run_graph(
            h, w, program_new(target_for(targets[i], PRODUCTS_BF16), FUSE_ALL, CONV_AUTO, true),
            &(GraphRun){.threads = 2, .inputs = (const void *const *)in, .outputs = &got[i]});
        graph_free(h);
        error[i] = outputs_difference(g, &want, &got[i]);
        print_message("%s %lldx%lld, %s: %.2g\n", g->name, (long long)m->width,
                      (long long)m->height, targets[i], error[i]);
        free(got[i]);
    }
    assert_true(error[0] <= 3e-2);
    if (n == 2)
        assert_true(error[0] <= 1.5 * error[1]);
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
 * so that they were no guess of the maximum. quiet: operands are so small that all weights are
 * about the same; else they are several factors of 2 apart. */
typedef struct {
    int64_t n, m;
    int heads;
    int64_t size;
    bool loud, quiet;
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

static void attend(const Alone *a, const char *target, bool bf16_operands)
{
    const Target *t = target_for(target, bf16_operands);
    if (!target_runs_here(t))
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
            in[i][k] = bf16(random_bf16(&seed)) / (a->quiet ? 16 : 1);
        if (a->loud && i < 2) /* the first channel of each head */
            for (int64_t r = 0; r < rows[i]; r++)
                for (int k = 0; k < a->heads; k++)
                    if (i == 0 || r % a->m == a->m - 3)
                        in[i][r * c + k * a->size] = i ? 32 : 25;
    }
    interpret(g, w, (const void *const *)in, &want, true);
    jit_run_graph(h, w, program_new(t, FUSE_ALL, CONV_AUTO, bf16_operands),
                  &(GraphRun){.threads = 2, .inputs = (const void *const *)in, .outputs = &got});
    double d = outputs_difference(g, &want, &got);
    print_message("%s, %s, %lld queries, %lld keys, heads of %lld%s: %.2g\n", target,
                  bf16_operands ? "bf16" : "f32", (long long)a->n, (long long)a->m,
                  (long long)a->size, a->loud ? ", one key loud" : "", d);
    assert_true(d <= (bf16_operands ? 3e-2 : 1e-5));
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
    const Alone cases[] = {{100, 320, 2, 64, false, true},  {100, 320, 2, 64, true, true},
                           {33, 301, 1, 32, true, true},    {70, 400, 1, 96, false, true},
                           {20, 275, 2, 40, true, true},    {40, 77, 2, 64, true, true},
                           {100, 1280, 2, 64, true, true},  {65, 1040, 1, 40, false, true},
                           {66, 1280, 2, 64, false, false}, {30, 1072, 1, 40, true, false},
                           {70, 256, 2, 80, true, true},    {64, 256, 1, 160, false, true},
                           {33, 77, 2, 160, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        attend(&cases[i], "amx-model", true);
        attend(&cases[i], "amx", true);
        attend(&cases[i], "x86-64-v4-bf16", true);
        attend(&cases[i], "x86-64-v3", true);
        attend(&cases[i], "x86-64-v3", false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attention),
                                       cmocka_unit_test(narrow_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
