/* Models at sizes whose levels are odd, 72x104 and 200x136, against what diffusers computes in
 * double (tests/data/sizes.txt, made by tests/recorded/record_sizes.py): narrow ones, and in the
 * long tier those of Stable Diffusion 2 at full width. Narrow U-Nets of other forms, such as
 * BK-SDM's, the same way (tests/data/unets.txt, made by tests/recorded/record_unets.py).
 *
 * Bounds are those of numeric/: relative rms 1e-6 for the interpreter in double, 1e-5 compiled with
 * direct convolutions, 5e-5 with Winograd's, 3e-2 in bf16. The file has a sample of the results and
 * two sums over all; that a sum keeps the bound follows from Cauchy and Schwarz. */
#include "graphfile.h"
#include "interp.h"
#include "jit.h"
#include "pass.h"
#include "pipeline.h"
#include "randgraph.h"
#include "schedule.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>

/* A line of the file. values: every step-th of n results. */
typedef struct {
    char width[16], model[32];
    int w, h;
    int64_t n, step;
    double sum, squares, *values;
} Recorded;

/* A way to compute a graph. quick: also in the quick tier; forms: U-Nets of other forms, too. */
typedef struct {
    const char *name;
    bool interpreted;
    unsigned fuse;
    ConvMode conv;
    bool bf16, quick, forms;
    double bound;
} Way;
/* clang-format off */
static const Way ways[] = {
    {"interpreted", true, FUSE_NONE, CONV_DIRECT, false, true, true, 1e-6},
    {"fused", false, FUSE_ALL, CONV_AUTO, false, true, false, 5e-5},
    {"fused, direct", false, FUSE_ALL, CONV_DIRECT, false, false, true, 1e-5},
    {"unfused", false, FUSE_NONE, CONV_DIRECT, false, false, false, 1e-5},
    {"upsample forms", false, FUSE_ALL, CONV_UP, false, false, false, 5e-5},
    {"bf16", false, FUSE_ALL, CONV_AUTO, true, false, false, 3e-2},
};
/* clang-format on */

enum { TIMESTEP = 601, MOST_INPUTS = 4 };

static double *read_values(char *text, int64_t count)
{
    double *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        char *end;
        values[i] = strtod(text, &end);
        assert_ptr_not_equal(text, end);
        text = end;
    }
    assert_string_equal(text, "\n");
    return values;
}

/* The next line of the file; false at its end. */
static bool next_recorded(FILE *f, Recorded *r)
{
    char *line = NULL;
    size_t room = 0;
    int at = 0;
    do
        if (getline(&line, &room, f) < 0) {
            free(line);
            return false;
        }
    while (*line == '#');
    long long n, step;
    assert_int_equal(sscanf(line, "%15s %31s %dx%d %lld %lf %lf %lld%n", r->width, r->model, &r->w,
                            &r->h, &n, &r->sum, &r->squares, &step, &at),
                     8);
    r->n = n;
    r->step = step;
    r->values = read_values(line + at, (n + step - 1) / step);
    free(line);
    return true;
}

/* Noise number i of input `number`, as the script computes it. */
static void waves(int number, float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(1.4 * sin(12.9898 * (double)(i + 1) + 78.233 * number));
}

static void make_inputs(const Graph *g, void **in)
{
    assert_true(g->n_inputs <= MOST_INPUTS);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        int64_t n = shape_count(&t->shape);
        float *x = malloc((size_t)n * sizeof *x);
        if (strcmp(t->name, "timestep_embedding") == 0)
            lrt_timestep_embedding(TIMESTEP, x, (int)n);
        else
            waves((int)i, x, n);
        in[i] = x;
    }
}

/* narrow.json with the parameters of a form of tests/data/unets.json. */
static const Pipeline *load_form(const char *form, const ParamSet *sets, int n)
{
    Json forms = json_load(TEST_DATA_DIR "/unets.json"),
         root = json_load(TEST_DATA_DIR "/narrow.json"),
         model = json_need(json_need(root, "models"), "diffusion_model");
    Json parameters = json_need(model, "parameters"), of = json_need(forms, form);
    for (Json p = json_first(of); json_ok(p); p = json_next(p))
        json_merge(parameters, json_key(p), p);
    const Pipeline *p = pipeline_from_json(root, TEST_DATA_DIR "/narrow.json", sets, n);
    json_free(root);
    json_free(forms);
    return p;
}

static bool is_model(const char *name)
{
    int m = 0;
    while (m < MODEL_COUNT && strcmp(model_rows[m].name, name))
        m++;
    return m < MODEL_COUNT;
}

/* The narrow or the wide pipeline, or one of another form, at the recorded size, with PyTorch's
 * conventions. */
static const Pipeline *load(const Recorded *r)
{
    const ParamSet sets[] = {
        {.name = "img_height", .value = r->h},
        {.name = "img_width", .value = r->w},
        {.name = "moments", .value = 1},
        {.name = "gelu", .kind = PARAM_TEXT, .text = "erf"},
        {.name = "eps", .kind = PARAM_REAL, .real = 1e-6},
        {.name = "eps_transformer", .kind = PARAM_REAL, .real = 1e-6},
    };
    bool narrow = strcmp(r->width, "narrow") == 0;
    if (!is_model(r->model))
        return load_form(r->model, sets, sizeof sets / sizeof sets[0]);
    return pipeline_load(narrow ? TEST_DATA_DIR "/narrow.json"
                                : SOURCE_DIR "/graphs/sd2/pipeline.json",
                         sets, sizeof sets / sizeof sets[0]);
}

static const PipelineModel *find_model(const Pipeline *p, const char *name)
{
    name = is_model(name) ? name : "diffusion_model";
    for (int m = 0; m < MODEL_COUNT; m++)
        if (p->model[m].graph && strcmp(model_rows[m].name, name) == 0)
            return &p->model[m];
    fail_msg("there is no model %s", name);
    return NULL;
}

static void compare(const Recorded *r, const Way *way, const float *y)
{
    double d = 0, of = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < r->n; i++) {
        sum += y[i];
        squares += (double)y[i] * y[i];
    }
    for (int64_t i = 0; i < r->n; i += r->step) {
        double v = r->values[i / r->step];
        d += (y[i] - v) * (y[i] - v);
        of += v * v;
    }
    double error = sqrt(d / of), of_sum = fabs(sum - r->sum) / sqrt((double)r->n * r->squares),
           of_squares = fabs(squares - r->squares) / r->squares / 2;
    print_message("%s %s %dx%d, %s: %.2g; sums %.2g, %.2g\n", r->width, r->model, r->w, r->h,
                  way->name, error, of_sum, of_squares);
    assert_true(error <= way->bound);
    assert_true(of_sum <= way->bound);
    assert_true(of_squares <= way->bound * (1 + way->bound));
}

static void compute(Graph *g, WeightSource *w, const Way *way, void *const *in, float *y)
{
    const void *const *inputs = (const void *const *)in;
    if (way->interpreted)
        interpret(g, w, inputs, &y, true);
    else
        jit_run_graph(g, w,
                      program_new(target_for("host", way->bf16), way->fuse, way->conv, way->bf16),
                      &(GraphRun){.threads = 2, .inputs = inputs, .outputs = &y});
}

static void check(const Recorded *r, const Way *way)
{
    const PipelineModel *m = find_model(load(r), r->model);
    Graph *g = pipeline_graph(m, 1, false);
    WeightSource *w = weights_open(strcmp(r->width, "narrow") ? "synthetic:1" : "synthetic:5",
                                   g->name);
    void *in[MOST_INPUTS] = {0};
    make_inputs(g, in);
    assert_int_equal(shape_count(&tensor(g, g->outputs[0])->shape), r->n);
    float *y = malloc((size_t)r->n * sizeof *y);
    memset(y, 0xff, (size_t)r->n * sizeof *y); /* NaN: an element that is not written shows */
    compute(g, w, way, in, y);
    compare(r, way, y);
    for (int i = 0; i < MOST_INPUTS; i++)
        free(in[i]);
    free(y);
    weights_close(w);
    graph_free(g);
}

/* In the quick tier the narrow models at 72x104, in few ways. */
static void recorded(void **state)
{
    (void)state;
    bool all = getenv("LATENTC_LONG");
    FILE *f = fopen(TEST_DATA_DIR "/sizes.txt", "r");
    assert_non_null(f);
    Recorded r;
    int checks = 0;
    while (next_recorded(f, &r)) {
        bool wide = strcmp(r.width, "wide") == 0, quick = !wide && r.w == 72;
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
            if ((all || (quick && ways[i].quick)) && !(wide && ways[i].conv == CONV_UP)) {
                check(&r, &ways[i]);
                checks++;
            }
        free(r.values);
    }
    fclose(f);
    assert_true(checks >= 6);
}

/* In two ways, in both tiers: what the forms differ in is the graph. (At 40x56 the coarsest level
 * has two pixels, so groups of norms have few numbers: bf16 rounds worse than at full width.) */
static void forms(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DATA_DIR "/unets.txt", "r");
    assert_non_null(f);
    Recorded r;
    int checks = 0;
    while (next_recorded(f, &r)) {
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
            if (ways[i].forms) {
                check(&r, &ways[i]);
                checks++;
            }
        free(r.values);
    }
    fclose(f);
    assert_true(checks >= 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recorded), cmocka_unit_test(forms)};
    return cmocka_run_group_tests_name("odd sizes", tests, NULL, NULL);
}
