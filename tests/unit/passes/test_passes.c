/* The text of --fuse, the driver, and that no combination of passes changes what a graph computes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdio.h>

#include "pass.h"
#include "cost.h"
#include "graphfile.h"
#include "print.h"
#include "randgraph.h"
#include "err.h"

enum { GRAPHS = 200 };

static void fuse_text_round_trip(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags <= FUSE_ALL; flags++) {
        Buf b = {0};
        fuse_print(flags, &b);
        assert_int_equal(fuse_parse(b.data), flags);
        buf_free(&b);
    }
}

static void fuse_text_forms(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *text; unsigned flags; } cases[] = {
        {"all", FUSE_ALL}, {"none", FUSE_NONE}, {"norm", FUSE_NORM}, {"norm,hoist,norm", FUSE_NORM | FUSE_HOIST},
        {"all,-epilogue", FUSE_ALL & ~FUSE_EPILOGUE}, {"none,norm", FUSE_NORM}, {"all,-norm,-hoist,norm", FUSE_ALL & ~FUSE_HOIST},
        {"-norm", FUSE_ALL & ~FUSE_NORM}, {"-memory,-guidance", FUSE_ALL & ~(FUSE_MEMORY | FUSE_GUIDANCE)},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(fuse_parse(cases[i].text), cases[i].flags);
}

/* The exit code of a child that parses text; its message goes to a pipe. */
static int exit_code_of(void (*f)(const char *), const char *text, char *message, size_t size)
{
    int fd[2], status;
    assert_int_equal(pipe(fd), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(fd[1], 2);
        f(text);
        _exit(0);
    }
    close(fd[1]);
    size_t got = 0;
    for (ssize_t n; got < size - 1 && (n = read(fd[0], message + got, size - 1 - got)) > 0;)
        got += (size_t)n;
    message[got] = 0;
    close(fd[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void parse_only(const char *text) { fuse_parse(text); }

static void run_until(const char *pass)
{
    Graph *g = random_graph(1);
    passes_run(g, FUSE_ALL, pass, false);
}

static void wrong_usage(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { void (*f)(const char *); const char *text, *message; } cases[] = {
        {parse_only, "nrom", "did you mean 'norm'?"},
        {parse_only, "", "expected all, none, hoist"},
        {parse_only, "norm,", "unknown ''"},
        {parse_only, "norm,-hoist", "all with a minus or all without"},
        {parse_only, "-norm,hoist", "all with a minus or all without"},
        {parse_only, "norm,all", "expected \"all\" in front of names"},
        {run_until, "epilog", "did you mean 'epilogue'?"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[512];
        assert_int_equal(exit_code_of(cases[i].f, cases[i].text, message, sizeof message),
                         EXIT_USAGE);
        if (!strstr(message, cases[i].message))
            fail_msg("\"%s\": found: %s", cases[i].text, message);
    }
}

/* Text of a graph after passes up to `until`. */
static char *after(uint64_t seed, unsigned flags, const char *until)
{
    Graph *g = random_graph(seed);
    Buf b = {0};
    passes_run(g, flags, until, false);
    graph_print_text(g, &b);
    buf_add(&b, "", 1);
    graph_free(g);
    return b.data;
}

static void driver_stops_and_selects(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        char *a = after(seed, FUSE_NORM, NULL), *b = after(seed, FUSE_ALL, "hoist"),
             *c = after(seed, FUSE_NONE, NULL);
        char *a2 = after(seed, FUSE_NORM, "norm"), *b2 = after(seed, FUSE_ALL, NULL);
        char *c2 = after(seed, FUSE_ALL & ~FUSE_HOIST, "cse");
        assert_string_equal(a, a2);
        assert_string_equal(b, b2);
        assert_string_equal(c, c2);
        char *all[] = {a, b, c, a2, b2, c2};
        for (int i = 0; i < 6; i++)
            free(all[i]);
    }
}

/* The pass that a row of passes.def requires stands above it. */
static void required_passes_stand_above(void **state)
{
    (void)state;
    for (int i = 0; i < PASS_COUNT; i++) {
        int k = 0;
        while (k < i && strcmp(passes[k].name, passes[i].requires) != 0)
            k++;
        if (k == i && *passes[i].requires)
            fail_msg("%s requires %s, which does not stand above", passes[i].name,
                     passes[i].requires);
    }
}

/* Running all passes a second time finds nothing more. */
static void passes_are_complete(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        Graph *g = random_graph(seed);
        Buf a = {0}, b = {0};
        passes_run(g, FUSE_ALL, NULL, false);
        passes_run(g, FUSE_ALL, NULL, false);
        graph_print_text(g, &a);
        passes_run(g, FUSE_ALL, NULL, false);
        graph_print_text(g, &b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        buf_free(&a);
        buf_free(&b);
        graph_free(g);
    }
}

static void check_values(uint64_t seed, unsigned flags)
{
    Graph *g = random_graph(seed);
    float **before = interpreted(g, seed, true);
    passes_run(g, flags, NULL, false);
    float **now = interpreted(g, seed, true);
    double d = outputs_difference(g, before, now);
    if (!(d < 1e-6)) {
        Buf text = {0}, fuse = {0};
        fuse_print(flags, &fuse);
        graph_print_text(g, &text);
        fail_msg("seed %llu, --fuse %s: relative rms %g\n%.*s", (unsigned long long)seed, fuse.data,
                 d, (int)text.len, text.data);
    }
    random_data_free((void **)before, g->n_outputs);
    random_data_free((void **)now, g->n_outputs);
    graph_free(g);
}

static void passes_keep_values(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        check_values(seed, FUSE_ALL);
        check_values(seed, (unsigned)(seed * 37 % (FUSE_ALL + 1)));
    }
}

/* What is left of the real models: products, attention, factors of norms, views, and what nothing
 * can take. */
static void real_models_are_fused(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *name; int left[OP_COUNT]; } models[] = {
        {"diffusion_model",
         {[OP_CONV2D] = 66, [OP_DENSE] = 147, [OP_GROUP_SCALE] = 61, [OP_ATTENTION] = 32, [OP_RESHAPE] = 32}},
        {"decoder", {[OP_CONV2D] = 38, [OP_GROUP_SCALE] = 30, [OP_ATTENTION] = 1, [OP_RESHAPE] = 1}},
        /* tokens + positions; the last LayerNorm is the output */
        {"text_encoder", {[OP_DENSE] = 92, [OP_ATTENTION] = 23, [OP_EMBEDDING] = 2, [OP_ADD] = 1, [OP_LAYER_NORM] = 1}},
        /* the first 4 of 8 channels */
        {"image_encoder",
         {[OP_CONV2D] = 30, [OP_GROUP_SCALE] = 22, [OP_ATTENTION] = 1, [OP_RESHAPE] = 1, [OP_SLICE] = 1}},
    };
    /* clang-format on */
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/graphs/sd2/%s.json", SOURCE_DIR, models[m].name);
        Graph *g = graph_load(path, NULL, 0);
        int64_t before = 0, later = 0;
        int left[OP_COUNT] = {0};
        for (uint32_t i = 0; i < g->n_ops; i++)
            before += op_macs(g, &g->ops[i]);
        passes_run(g, FUSE_ALL, NULL, false);
        for (uint32_t i = 0; i < g->n_ops; i++) {
            later += op_macs(g, &g->ops[i]);
            left[g->ops[i].kind]++;
        }
        assert_true(before == later);
        for (int k = 0; k < OP_COUNT; k++)
            if (left[k] != models[m].left[k])
                fail_msg("%s: %d %s left, expected %d", models[m].name, left[k], op_names[k],
                         models[m].left[k]);
        graph_free(g);
    }
}

/* The real graphs, narrow. */
static void narrow_models_keep_values(void **state)
{
    (void)state;
    static const int64_t unet[] = {8, 12, 16, 12}, vae[] = {4, 4, 8, 12};
#define INT(parameter, x)               \
    {                                   \
        .name = parameter, .value = (x) \
    }
#define INTS(parameter, x)                                              \
    {                                                                   \
        .name = parameter, .kind = PARAM_INTS, .ints = (x), .n_ints = 4 \
    }
    /* clang-format off */
    static const ParamSet unet_sets[] = {
        INT("img_height", 64), INT("img_width", 128), INT("batch", 2), INTS("widths", unet), INT("head_size", 4),
        INT("groups", 4), INT("context_width", 10), INT("time_in", 6), INT("time_width", 12), INT("max_text_length", 5)};
    static const ParamSet vae_sets[] = {INT("img_height", 64), INT("img_width", 128), INTS("widths", vae), INT("groups", 2)};
    static const ParamSet text_sets[] = {
        INT("batch", 2), INT("max_text_length", 9), INT("vocab_size", 30), INT("width", 12), INT("heads", 3),
        INT("layers", 2), INT("mlp_width", 20)};
#undef INT
#undef INTS
    static const struct { const char *name; const ParamSet *sets; int n; } models[] = {
        {"diffusion_model", unet_sets, 10}, {"decoder", vae_sets, 4}, {"image_encoder", vae_sets, 4},
        {"text_encoder", text_sets, 7}};
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/graphs/sd2/%s.json", SOURCE_DIR, models[m].name);
        Graph *g = graph_load(path, models[m].sets, models[m].n);
        float **before = interpreted(g, 3, true);
        passes_run(g, FUSE_ALL, NULL, false);
        float **now = interpreted(g, 3, true);
        assert_true(outputs_difference(g, before, now) < 1e-6);
        random_data_free((void **)before, g->n_outputs);
        random_data_free((void **)now, g->n_outputs);
        graph_free(g);
    }
    /* clang-format on */
}

/* The generator has what it promises. */
static void random_graphs_have_every_op(void **state)
{
    (void)state;
    int before[OP_COUNT] = {0}, later[OP_COUNT] = {0};
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        Graph *g = random_graph(seed);
        for (uint32_t i = 0; i < g->n_ops; i++)
            before[g->ops[i].kind]++;
        g->quantise = QUANTISE_INT8;
        passes_run(g, FUSE_ALL, NULL, false);
        for (uint32_t i = 0; i < g->n_ops; i++)
            later[g->ops[i].kind]++;
        graph_free(g);
    }
    for (int k = 0; k < OP_COUNT; k++) {
        if (getenv("VERBOSE"))
            note("%-12s %6d before, %6d after all passes", op_names[k], before[k], later[k]);
        assert_true(before[k] + later[k] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fuse_text_round_trip),
        cmocka_unit_test(fuse_text_forms),
        cmocka_unit_test(wrong_usage),
        cmocka_unit_test(required_passes_stand_above),
        cmocka_unit_test(driver_stops_and_selects),
        cmocka_unit_test(random_graphs_have_every_op),
        cmocka_unit_test(real_models_are_fused),
        cmocka_unit_test(narrow_models_keep_values),
        cmocka_unit_test(passes_are_complete),
        cmocka_unit_test(passes_keep_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
