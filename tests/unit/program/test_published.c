/* Values that the tests of diffusers publish, for blocks of the UNet and for the time embedding.
 * Inputs and weights of the blocks were recorded by tests/recorded/record_blocks.py. Each block is
 * interpreted and compiled, as written and fused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "samplers.h"
#include "graphfile.h"
#include "interp.h"
#include "jit.h"
#include "pass.h"
#include "target.h"
#include "safetensors.h"
#include "alloc.h"

/* expected: y[0,-1,-3:,-3:] of the NCHW result: the last channel of the last three rows and
 * columns. */
typedef struct {
    const char *name;
    float expected[9], tolerance;
} Published;
/* clang-format off */
static const Published blocks[] = {
    {"upsample", {0.7145f, 1.3773f, 0.3492f, 0.8448f, 1.0839f, -0.3341f, 0.5956f, 0.1250f, -0.4841f}, 1e-3f},
    {"downsample", {0.9267f, 0.5878f, 0.3337f, 1.2321f, -0.1191f, -0.3984f, -0.7532f, -0.0715f, -0.3913f}, 1e-3f},
    {"resnet", {-1.9010f, -0.2974f, -0.8245f, -1.3533f, 0.8742f, -0.9645f, -2.0584f, 1.3387f, -0.4746f}, 1e-3f},
    {"transformer", {-1.9455f, -0.0066f, -1.3933f, -1.5878f, 0.5325f, -0.6486f, -1.8648f, 0.7515f, -0.9689f}, 1e-3f},
    {"mid", {0.0187f, 2.4220f, 0.4484f, 1.1203f, -0.6121f, -1.5122f, -0.8270f, 0.7851f, 1.8335f}, 5e-3f},
};
/* clang-format on */
enum { N_BLOCKS = sizeof blocks / sizeof blocks[0] };

static void check_corner(const Published *p, const char *how, const float *y, const Shape *s)
{
    int64_t h = s->dim[1], w = s->dim[2], c = s->dim[3];
    for (int i = 0; i < 9; i++) {
        int64_t row = h - 3 + i / 3, column = w - 3 + i % 3;
        float found = y[(row * w + column) * c + c - 1];
        if (!(fabsf(found - p->expected[i]) <= p->tolerance))
            fail_msg("%s, %s: value %d is %g, published %g", p->name, how, i, found,
                     p->expected[i]);
    }
}

/* Runs the block with these passes, interpreted or compiled for this machine. */
static void run_block(const Published *p, unsigned fuse, bool interpreted)
{
    char graph[512], data[512], how[64];
    snprintf(graph, sizeof graph, "%s/tests/graphs/%s.json", SOURCE_DIR, p->name);
    snprintf(data, sizeof data, "%s/blocks/%s.safetensors", TEST_DATA_DIR, p->name);
    snprintf(how, sizeof how, "%s, fuse %#x", interpreted ? "interpreted" : "compiled", fuse);
    Graph *g = graph_load(graph, NULL, 0);
    WeightSource *w = weights_open(data, g->name);
    StFile *f = st_open(data);
    weights_check(w, g);
    const void *inputs[4];
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const StTensor *t = st_find(f, tensor(g, g->inputs[i])->name);
        assert_non_null(t);
        assert_int_equal(t->bytes, 4 * shape_count(&tensor(g, g->inputs[i])->shape));
        void *copy = xmalloc(t->bytes); /* aligned, as the file need not be */
        memcpy(copy, t->data, t->bytes);
        inputs[i] = copy;
    }
    Shape shape = tensor(g, g->outputs[0])->shape;
    float *y = xmalloc((size_t)shape_count(&shape) * sizeof *y);
    if (interpreted) {
        passes_run(g, fuse, NULL, false);
        interpret(g, w, inputs, &y, true);
    } else {
        jit_run_graph(g, w, program_new(target_for("host", PRODUCTS_F32), fuse, CONV_DIRECT, false),
                      &(GraphRun){.threads = 2, .inputs = inputs, .outputs = &y});
    }
    check_corner(p, how, y, &shape);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        free((void *)inputs[i]);
    free(y);
    st_close(f);
    weights_close(w);
    graph_free(g);
}

static void interpreted(void **state)
{
    (void)state;
    for (int i = 0; i < N_BLOCKS; i++)
        run_block(&blocks[i], FUSE_NONE, true);
}

static void interpreted_fused(void **state)
{
    (void)state;
    for (int i = 0; i < N_BLOCKS; i++)
        run_block(&blocks[i], FUSE_ALL, true);
}

static void compiled(void **state)
{
    (void)state;
    for (int i = 0; i < N_BLOCKS; i++)
        run_block(&blocks[i], FUSE_NONE, false);
}

static void compiled_fused(void **state)
{
    (void)state;
    for (int i = 0; i < N_BLOCKS; i++)
        run_block(&blocks[i], FUSE_ALL, false);
}

/* get_timestep_embedding(arange(128), 64, downscale_freq_shift=0, flip_sin_to_cos=True)[23:26,
 * 47:50] */
static void time_embedding(void **state)
{
    (void)state;
    /* clang-format off */
    static const float expected[3][3] = {
        {0.3019f, 0.2280f, 0.1716f}, {0.3146f, 0.2377f, 0.1790f}, {0.3272f, 0.2474f, 0.1864f}};
    for (int t = 0; t < 3; t++) {
        float row[64];
        lrt_timestep_embedding(23 + t, row, 64);
        for (int i = 0; i < 3; i++)
            assert_float_equal(row[47 + i], expected[t][i], 1e-3f * expected[t][i]);
    }
    /* clang-format on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpreted),    cmocka_unit_test(interpreted_fused),
        cmocka_unit_test(compiled),       cmocka_unit_test(compiled_fused),
        cmocka_unit_test(time_embedding),
    };
    return cmocka_run_group_tests_name("published", tests, NULL, NULL);
}
