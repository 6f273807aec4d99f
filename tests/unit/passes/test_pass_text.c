/* tests/pass/PASS-case.in, after the pass, is tests/pass/PASS-case.out to the letter;
 * UPDATE_GOLDEN=1 writes the .out files instead. Each result is also read back, and computes what
 * the graph before computed: up to what passes.def says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "pass.h"
#include "parse_text.h"
#include "print.h"
#include "randgraph.h"
#include "err.h"
#include "alloc.h"
#include "files.h"
#include "outfile.h"

static Graph *read_graph(const char *path)
{
    char *text = read_file(path, NULL);
    Graph *g = graph_parse_text(text, path);
    free(text);
    return g;
}

/* tests/pass/norm-conv.in -> norm */
static char *pass_of(const char *path)
{
    const char *base = strrchr(path, '/') + 1;
    char *name = xcalloc(strlen(base) + 1, 1);
    memcpy(name, base, strcspn(base, "-."));
    return name;
}

static void compare_text(const char *in_path, const char *found)
{
    char *path = xcalloc(strlen(in_path) + 2, 1);
    memcpy(path, in_path, strlen(in_path) - 3);
    strcat(path, ".out");
    if (getenv("UPDATE_GOLDEN")) {
        OutFile *f = outfile_open(path);
        outfile_write(f, found, strlen(found));
        outfile_commit(f, 0644);
    }
    char *expected = read_file(path, NULL);
    assert_string_equal(found, expected);
    free(expected);
    free(path);
}

/* The relative error that the pass may bring. QUANTISED: whole numbers from -7 to 7, the coarsest
 * there are, are 1/24 of the greatest away on average; weights are normal, so their greatest of a
 * few is about twice their rms. Two products in a row add up to less than 0.2. */
static double allowed(const char *name)
{
    static const double bounds[] = {[EXACT] = 0, [ROUNDED] = 1e-6, [QUANTISED] = 0.2};
    for (int i = 0; i < PASS_COUNT; i++)
        if (strcmp(passes[i].name, name) == 0)
            return bounds[passes[i].keeps];
    fail_msg("there is no pass %s", name);
    return 0;
}

static void check_pair(void **state)
{
    const char *path = *state;
    char *name = pass_of(path);
    Graph *before = read_graph(path), *after = read_graph(path);
    pass_run_one(after, name);
    Buf text = {0}, again = {0};
    graph_print_text(after, &text);
    buf_add(&text, "", 1);
    compare_text(path, text.data);
    Graph *back = graph_parse_text(text.data, path);
    graph_print_text(back, &again);
    buf_add(&again, "", 1);
    assert_string_equal(text.data, again.data);

    float **a = interpreted(before, 1, true), **b = interpreted(back, 1, true);
    double difference = outputs_difference(before, a, b);
    assert_true(difference <= allowed(name));
    random_data_free((void **)a, before->n_outputs);
    random_data_free((void **)b, before->n_outputs);
    buf_free(&text);
    buf_free(&again);
    graph_free(before);
    graph_free(after);
    graph_free(back);
    free(name);
}

int main(void)
{
    glob_t files;
    if (glob(SOURCE_DIR "/tests/pass/*.in", 0, NULL, &files) || files.gl_pathc == 0)
        die("no files in %s/tests/pass", SOURCE_DIR);
    struct CMUnitTest *tests = xcalloc(files.gl_pathc, sizeof *tests);
    for (size_t i = 0; i < files.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){strrchr(files.gl_pathv[i], '/') + 1, check_pair, NULL, NULL,
                                       files.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("pass", tests, files.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&files);
    return failed;
}
