/* The narrow models of graphs/shapes at other sizes than they were made for: pictures that are not
 * square, up to 768x768, other text lengths, batches of 1 to 4. Compiled as it comes (fused,
 * convolutions by cost) and unfused with direct convolutions, against the interpreter in double;
 * where that would take minutes (so in the long tier only), the two against each other.
 *
 * Bounds: those of the full models (tests/numeric/compiled.sh), 1e-5 direct and 5e-5 with Winograd.
 */
#include "interp.h"
#include "graphfile.h"
#include "jit.h"
#include "pipeline.h"
#include "randgraph.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct {
    int64_t height, width, text;
    int batch;
    bool small;
} Form;
/* clang-format off */
static const Form forms[] = {
    {64, 64, 1, 1, true}, {64, 192, 32, 2, true}, {192, 64, 77, 3, true}, {128, 64, 5, 4, true}, {320, 448, 16, 1, false},
    {768, 64, 154, 2, false}, {768, 768, 77, 1, false},
};
/* clang-format on */

static Graph *sized(const PipelineModel *m, const Form *f)
{
    ParamSet sets[64];
    memcpy(sets, m->params, (size_t)m->n_params * sizeof *sets);
    int n = m->n_params;
    sets[n++] = (ParamSet){.name = "img_height", .value = f->height};
    sets[n++] = (ParamSet){.name = "img_width", .value = f->width};
    if (strstr(m->graph, "diffusion_model")) {
        sets[n++] = (ParamSet){.name = "max_text_length", .value = f->text};
        sets[n++] = (ParamSet){.name = "batch", .value = f->batch};
    }
    return graph_load(m->graph, sets, n);
}

static void check(const PipelineModel *m, const Form *f)
{
    Graph *g = sized(m, f), *h = sized(m, f);
    WeightSource *w = weights_open("synthetic:3", g->name);
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape);
    float *fused = malloc((size_t)n * 4), *unfused = malloc((size_t)n * 4),
          *want = malloc((size_t)n * 4);
    void *in[4] = {0};
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Shape *s = &tensor(g, g->inputs[i])->shape;
        in[i] = malloc((size_t)shape_count(s) * 4);
        synthetic_weight(i + 1, "input", "x.gamma", s, in[i]);
    }
    bool interpreted = f->small || getenv("LATENTC_LONG");
    if (interpreted)
        interpret(g, w, (const void *const *)in, &want, true);
    jit_run_graph(g, w, program_new(target_for("host", PRODUCTS_F32), FUSE_ALL, CONV_AUTO, false),
                  &(GraphRun){.threads = 2, .inputs = (const void *const *)in, .outputs = &fused});
    jit_run_graph(
        h, w, program_new(target_for("host", PRODUCTS_F32), FUSE_NONE, CONV_DIRECT, false),
        &(GraphRun){.threads = 1, .inputs = (const void *const *)in, .outputs = &unfused});
    double a = outputs_difference(g, interpreted ? &want : &unfused, &fused),
           b = interpreted ? outputs_difference(g, &want, &unfused) : 0;
    print_message("%s %lldx%lld, text %lld, batch %d: %.2g, unfused %.2g\n", g->name,
                  (long long)f->width, (long long)f->height, (long long)f->text, f->batch, a, b);
    assert_true(a <= 5e-5);
    assert_true(b <= 1e-5);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        free(in[i]);
    free(fused);
    free(unfused);
    free(want);
    weights_close(w);
    graph_free(g);
    graph_free(h);
}

static void sizes(void **state)
{
    (void)state;
    const Pipeline *p = pipeline_load(SOURCE_DIR "/graphs/shapes/pipeline.json", NULL, 0);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        check(&p->model[MODEL_DIFFUSION_MODEL], &forms[i]);
        if (forms[i].batch == 1)
            check(&p->model[MODEL_DECODER], &forms[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
