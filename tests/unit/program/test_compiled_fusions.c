/* Compiled graphs on the host's target: every --fuse flag alone against the reference interpreter
 * (bounds and cases in compiled.c), and what sharing between batch elements and running one of them
 * alone must not change. */
#include "compiled.h"
#include "pass.h"
#include "print.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The text of a case's graph after the passes of these flags; its .data is to be freed. */
static Buf passed(const Case *c, unsigned fuse)
{
    Graph *g = make(c);
    Buf text = {0};
    passes_run(g, fuse, NULL, false);
    graph_print_text(g, &text);
    graph_free(g);
    return text;
}

/* A flag without effect on a small graph leaves the unfused program, which test_compiled.c runs.
 * Two flags are lowering's too. */
static bool matters(const Case *c, unsigned flag)
{
    Buf with = passed(c, flag), without = passed(c, FUSE_NONE);
    bool same = with.len == without.len && memcmp(with.data, without.data, with.len) == 0;
    buf_free(&with);
    buf_free(&without);
    return !same || flag & (FUSE_HOIST | FUSE_MEMORY);
}

static void each_flag_alone(void **state)
{
    (void)state;
    for (unsigned f = 1; f < FUSE_ALL; f *= 2) {
        int n = 0;
        for (int i = 0; i < n_cases; i++)
            if (matters(&cases[i], f)) {
                run_case(&cases[i], target_for("host", PRODUCTS_F32), f, CONV_DIRECT, false);
                n++;
            }
        assert_true(n);
    }
}

/* Sharing changes how often something is computed, never how: the same bits as when each batch
 * element is computed. */
static void sharing_keeps_bits(void **state)
{
    (void)state;
    static const Size sizes[] = {
        {2, 8, 8, 32, 48, 8, 0}, {3, 5, 7, 16, 20, 4, 0}, {2, 20, 64, 48, 33, 4, 0}};
    static const ConvMode modes[] = {CONV_DIRECT, CONV_F23, CONV_F43};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] * 6; i++) {
        const Case c = {"guided", guided, sizes[i / 6]};
        float *got[2];
        int64_t bytes = 0;
        for (int k = 0; k < 2; k++) {
            Graph *g = make(&c);
            const void *in[2] = {random_input(tensor(g, g->inputs[0]), 1),
                                 random_input(tensor(g, g->inputs[1]), 2)};
            bytes = shape_count(&tensor(g, g->outputs[0])->shape) * 4;
            got[k] = malloc((size_t)bytes);
            jit_run_graph(g, w,
                          program_new(target_for("host", i / 3 % 2),
                                      k ? FUSE_ALL : FUSE_ALL & ~FUSE_GUIDANCE, modes[i % 3],
                                      i / 3 % 2),
                          &(GraphRun){.threads = 2, .inputs = in, .outputs = &got[k]});
            free((void *)(uintptr_t)in[0]);
            free((void *)(uintptr_t)in[1]);
            graph_free(g);
        }
        if (memcmp(got[0], got[1], (size_t)bytes))
            fail_msg("size %zu, conv %s, bf16 %zu: other bits", i / 6, conv_names[modes[i % 3]],
                     i / 3 % 2);
        free(got[0]);
        free(got[1]);
    }
    weights_close(w);
}

/* One batch element alone: the bits that it has when all are computed, and no more work than its
 * share. */
static void check_first(const Case *c, unsigned fuse, ConvMode mode, bool bf16, WeightSource *w)
{
    Graph *g = make(c);
    Program *p = program_new(target_for("host", bf16), fuse, mode, bf16);
    program_add(p, g);
    Engine *e = engine_new(p, &w);
    const lrt_stage *s = engine_program(e)->stages[0];
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape), share = n / c->size.b,
            least = s->step.n_steps ? 1 : 0;
    float *out[2];
    void *in[8];
    for (uint32_t i = 0; i < g->n_inputs; i++)
        in[i] = (void *)(uintptr_t)random_input(tensor(g, g->inputs[i]), i + 1);
    for (int k = 0; k < 2; k++) {
        const char *failed;
        lrt_instance *x = lrt_instance_new(s, engine_weights(e, 0), 2, &failed);
        out[k] = malloc((size_t)n * 4);
        for (int64_t i = 0; i < n; i++)
            out[k][i] = -77;
        for (uint32_t i = 0; i < g->n_inputs; i++)
            lrt_set_input(x, i, in[i]);
        lrt_set_output(x, 0, out[k]);
        lrt_set_single(x, k);
        lrt_run_all(x);
        lrt_instance_free(x);
    }
    if (memcmp(out[0], out[1], (size_t)share * 4))
        fail_msg("%s, conv %s, bf16 %d: other bits alone", c->name, conv_names[mode], bf16);
    int64_t fewer = 0;
    for (uint32_t i = 0; i < s->step.n_steps; i++)
        fewer += s->step.steps[i].first < s->step.steps[i].round;
    assert_true(fewer >= least);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        free(in[i]);
    free(out[0]);
    free(out[1]);
    engine_free(e);
    graph_free(g);
}

static void one_batch_element_alone(void **state)
{
    (void)state;
    /* clang-format off */
    static const Case many[] = {
        {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 16, 20, 4, 0}}, {"guided wide", guided, {2, 20, 64, 48, 33, 4, 0}},
        {"transformer", transformer, {2, 6, 6, 64, 0, 4, 0}}, {"transformer wide", transformer, {2, 24, 24, 64, 0, 4, 0}},
        {"res block", res_block, {2, 8, 6, 24, 32, 8, 16}}, {"res block wide", res_block, {3, 20, 64, 64, 48, 16, 32}},
    };
    /* clang-format on */
    static const ConvMode modes[] = {CONV_DIRECT, CONV_F23, CONV_F43};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        check_first(&many[i], FUSE_NONE, CONV_DIRECT, false, w);
        for (int k = 0; k < 6; k++)
            check_first(&many[i], FUSE_ALL, modes[k / 2], k % 2, w);
    }
    weights_close(w);
}

/* The sums of a norm come from whatever computes the tensor: no step reads it for them alone. */
static void sums_beside_results(void **state)
{
    (void)state;
    static const Case c = {"sums", summed, {2, 37, 31, 32, 48, 8, 32}};
    for (int norm = 0; norm < 2; norm++) {
        Graph *g = make(&c);
        Program *p = program_new(target_for("host", PRODUCTS_F32),
                                 norm ? FUSE_ALL : FUSE_ALL & ~FUSE_NORM, CONV_AUTO, false);
        const Stage *s = p->stages[program_add(p, g)];
        int alone = 0, beside = 0;
        for (int i = 0; i < s->n_steps; i++) {
            alone += strcmp(s->steps[i].kind, "groupnorm sums") == 0;
            beside += strstr(s->steps[i].kind, "+sums") != NULL;
        }
        assert_int_equal(alone, norm ? 0 : 2);
        assert_int_equal(beside, norm ? 3 : 0);
        program_free(p);
        graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flag_alone), cmocka_unit_test(sums_beside_results),
        cmocka_unit_test(sharing_keeps_bits), cmocka_unit_test(one_batch_element_alone)};
    if (getenv("FILTER"))
        cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
