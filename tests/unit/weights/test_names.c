/* Naming schemes against a table of all 1306 weights of Stable Diffusion 2 (data/weight-names.tsv),
 * both ways: every weight has the name and the shape that diffusers and LDM give it, and from every
 * name the way leads back to the weight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "schemes.h"
#include "checkpoint.h"
#include "graphfile.h"
#include "files.h"

enum { WEIGHTS = 1306, COLUMNS = 10, MODELS = 4 };
enum { MODEL, PATH, SHAPE, DIFFUSERS, LEGACY, DIFFUSERS_SHAPE, LDM, LDM_SHAPE };
static char *table[WEIGHTS][COLUMNS];
static const char *const models[MODELS] = {"text_encoder", "diffusion_model", "decoder",
                                           "image_encoder"};
static Graph *graphs[MODELS];
static Counts counts[MODELS];

static int read_table(void **state)
{
    (void)state;
    size_t length, n = 0;
    char *text = read_file(TEST_DATA_DIR "/weight-names.tsv", &length);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line == '#')
            continue;
        assert_true(n < WEIGHTS);
        char *at = line;
        for (int i = 0; i < COLUMNS; i++) {
            table[n][i] = at;
            at = strchr(at, '\t');
            assert_true(at != NULL || i == COLUMNS - 1);
            if (at)
                *at++ = 0;
        }
        n++;
    }
    assert_int_equal(n, WEIGHTS);
    for (int m = 0; m < MODELS; m++) {
        char path[512];
        snprintf(path, sizeof path, SOURCE_DIR "/graphs/sd2/%s.json", models[m]);
        graphs[m] = graph_load(path, NULL, 0);
        counts[m] = counts_of(graphs[m]);
    }
    return 0;
}

static int model_of(const char *name)
{
    for (int m = 0; m < MODELS; m++)
        if (!strcmp(models[m], name))
            return m;
    fail_msg("no model %s", name);
    return -1;
}

/* "3x3x4x320" */
static Shape parse_shape(const char *text)
{
    Shape s = {0};
    for (char *end = (char *)text - 1; s.rank < 4 && (s.rank == 0 || *end == 'x'); s.rank++)
        s.dim[s.rank] = strtoll(end + 1, &end, 10);
    return s;
}

static void expect_shape(const Scheme *s, const char *path, const char *graph, const Place *p,
                         const char *stored)
{
    Shape want = parse_shape(graph), expected = parse_shape(stored);
    int64_t dim[8];
    assert_int_equal(scheme_shape(s, path, &want, p, dim), expected.rank);
    assert_memory_equal(dim, expected.dim, (size_t)expected.rank * sizeof *dim);
}

/* The graphs have these weights, with these shapes, and no others. */
static void graphs_have_them(void **state)
{
    (void)state;
    int n = 0;
    for (int m = 0; m < MODELS; m++)
        for (uint32_t i = 0; i < graphs[m]->n_tensors; i++) {
            const Tensor *t = &graphs[m]->tensors[i];
            if (t->kind != T_WEIGHT)
                continue;
            n++;
            int k = 0;
            while (k < WEIGHTS &&
                   (strcmp(table[k][MODEL], models[m]) || strcmp(table[k][PATH], t->parts[0].path)))
                k++;
            assert_true(k < WEIGHTS);
            Shape s = parse_shape(table[k][SHAPE]);
            assert_true(shape_eq(&s, &t->shape));
        }
    assert_int_equal(n, WEIGHTS);
}

static void to_diffusers(void **state)
{
    (void)state;
    const Scheme *s = scheme_find("diffusers");
    for (int k = 0; k < WEIGHTS; k++) {
        Place p;
        char **row = table[k];
        const Counts *n = &counts[model_of(row[MODEL])];
        assert_true(s->spell(s, NULL, &(WeightName){row[MODEL], row[PATH], n}, 0, &p));
        assert_string_equal(p.name, row[DIFFUSERS]);
        assert_int_equal(p.parts, 1);
        expect_shape(s, row[PATH], row[SHAPE], &p, row[DIFFUSERS_SHAPE]);
        assert_true(s->owns(s, NULL, row[MODEL], p.name));
        bool legacy = row[LEGACY][0] == '-', bare = strcmp(row[MODEL], "text_encoder") != 0;
        for (int choice = 1; s->spell(s, NULL, &(WeightName){row[MODEL], row[PATH], n}, choice, &p);
             choice++) {
            legacy |= !strcmp(p.name, row[LEGACY]);
            /* transformers 5 writes text encoders without "text_model." */
            bare |= !strncmp(row[DIFFUSERS], "text_encoder/text_model.", 24) &&
                    !strcmp(p.name + 13, row[DIFFUSERS] + 24);
        }
        assert_true(legacy);
        assert_true(bare);
    }
}

/* "name[1024:2048]" of a tensor of 3072 rows is the second of three parts. */
static void expect_ldm(const Place *p, const char *name, const char *shape)
{
    size_t length = strcspn(name, "[");
    assert_int_equal(strlen(p->name), length);
    assert_memory_equal(p->name, name, length);
    if (!name[length]) {
        assert_int_equal(p->parts, 1);
        return;
    }
    int64_t rows = parse_shape(shape).dim[0];
    assert_int_equal(p->parts, 3);
    assert_int_equal(strtoll(name + length + 1, NULL, 10), rows / 3 * p->part);
}

static void to_ldm(void **state)
{
    (void)state;
    const Scheme *s = scheme_find("ldm");
    for (int k = 0; k < WEIGHTS; k++) {
        Place p;
        char **row = table[k];
        assert_true(s->spell(
            s, NULL, &(WeightName){row[MODEL], row[PATH], &counts[model_of(row[MODEL])]}, 0, &p));
        expect_ldm(&p, row[LDM], row[LDM_SHAPE]);
        expect_shape(s, row[PATH], row[SHAPE], &p, row[LDM_SHAPE]);
        assert_true(s->owns(s, NULL, row[MODEL], p.name));
    }
}

typedef struct {
    Place p;
    int model;
    const char *path;
} Spelled;

static int by_place(const void *a, const void *b)
{
    const Spelled *x = a, *y = b;
    int c = strcmp(x->p.name, y->p.name);
    return c ? c : x->p.part - y->p.part;
}

/* Every name of the table leads to one weight, of one model: no two weights of the graphs share a
 * place, and the place of each row is its own. */
static void back(void **state)
{
    (void)state;
    const Scheme *all[] = {scheme_find("diffusers"), scheme_find("ldm")};
    static Spelled list[WEIGHTS];
    for (int which = 0; which < 2; which++) {
        const Scheme *s = all[which];
        int n = 0;
        for (int m = 0; m < MODELS; m++)
            for (uint32_t i = 0; i < graphs[m]->n_tensors; i++)
                if (graphs[m]->tensors[i].kind == T_WEIGHT) {
                    Spelled *x = &list[n++];
                    *x = (Spelled){.model = m, .path = graphs[m]->tensors[i].parts[0].path};
                    assert_true(
                        s->spell(s, NULL, &(WeightName){models[m], x->path, &counts[m]}, 0, &x->p));
                    for (int other = 0; other < MODELS; other++)
                        assert_int_equal(s->owns(s, NULL, models[other], x->p.name), other == m);
                }
        qsort(list, WEIGHTS, sizeof *list, by_place);
        for (int k = 1; k < WEIGHTS; k++)
            assert_true(by_place(&list[k - 1], &list[k]) != 0);
        for (int k = 0; k < WEIGHTS; k++) {
            Spelled key = {.p = {.part = 0}};
            const char *name = table[k][which ? LDM : DIFFUSERS], *bracket = strchr(name, '[');
            snprintf(key.p.name, sizeof key.p.name, "%.*s", (int)strcspn(name, "["), name);
            if (bracket)
                key.p.part = (int)(3 * strtoll(bracket + 1, NULL, 10) /
                                   parse_shape(table[k][LDM_SHAPE]).dim[0]);
            const Spelled *x = bsearch(&key, list, WEIGHTS, sizeof *list, by_place);
            assert_non_null(x);
            assert_string_equal(models[x->model], table[k][MODEL]);
            assert_string_equal(x->path, table[k][PATH]);
        }
    }
}

static void no_name(void **state)
{
    (void)state;
    const Scheme *s = scheme_find("ldm");
    Place p;
    /* clang-format off */
    static const char *const wrong[][2] = {
        {"diffusion_model", "down.0.res.0"}, {"diffusion_model", "down.x.res.0.entry.norm.gamma"}, {"diffusion_model", "time.dense1.kernel.more"},
        {"diffusion_model", "down.0.res.0.entry.norm.kernel"}, {"vocoder", "conv_in.kernel"}, {"decoder", ""},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (int choice = 0; choice < 2; choice++)
            assert_false(
                s->spell(s, NULL, &(WeightName){wrong[i][0], wrong[i][1], &counts[1]}, choice, &p));
}

static void ignored(void **state)
{
    (void)state;
    const Scheme *ldm = scheme_find("ldm"), *diffusers = scheme_find("diffusers"),
                 *own = scheme_find("latentc");
    const Counts *n = &counts[model_of("text_encoder")];
    assert_int_equal(n->layers, 23);
    assert_true(
        scheme_ignores(ldm, "cond_stage_model.model.transformer.resblocks.23.ln_1.weight", n));
    assert_false(
        scheme_ignores(ldm, "cond_stage_model.model.transformer.resblocks.22.ln_1.weight", n));
    assert_false(
        scheme_ignores(ldm, "cond_stage_model.model.transformer.resblocks.2.ln_1.weight", n));
    assert_true(scheme_ignores(ldm, "cond_stage_model.model.text_projection", n));
    assert_true(scheme_ignores(ldm, "cond_stage_model.model.logit_scale", n));
    assert_true(scheme_ignores(ldm, "model_ema.decay", n));
    assert_true(scheme_ignores(ldm, "sqrt_one_minus_alphas_cumprod", n));
    assert_false(scheme_ignores(ldm, "model.diffusion_model.out.2.bias", n));
    assert_true(scheme_ignores(diffusers, "text_encoder/text_model.embeddings.position_ids", n));
    assert_true(scheme_ignores(diffusers, "text_encoder/embeddings.position_ids", n));
    assert_false(scheme_ignores(diffusers,
                                "text_encoder/text_model.embeddings.position_embedding.weight", n));
    assert_false(scheme_ignores(own, "decoder/position_ids", n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_have_them), cmocka_unit_test(to_diffusers),
        cmocka_unit_test(to_ldm),           cmocka_unit_test(back),
        cmocka_unit_test(no_name),          cmocka_unit_test(ignored),
    };
    return cmocka_run_group_tests_name("names", tests, read_table, NULL);
}
