/* Where outputs go, what is swept away there, and which outputs are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "output_place.h"

/* in_folder() in memory of its own. */
static char *path_of(const char *name)
{
    char *path = strdup(in_folder(name));
    assert_non_null(path);
    return path;
}

static void make(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

/* A process number that no process has. */
static pid_t gone(void)
{
    pid_t child = fork();
    if (!child)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

static void test_sweep(void **state)
{
    (void)state;
    char *target = path_of("out"), left[3][256], stays[4][256];
    long dead = (long)gone();
    snprintf(left[0], sizeof left[0], "%s.tmp.%ld", target, dead);
    snprintf(left[1], sizeof left[1], "%s.tmp.%ld.o", target, dead);
    snprintf(left[2], sizeof left[2], "%s.tmp.%ld.d", target, dead);
    snprintf(stays[0], sizeof stays[0], "%s.tmp.%ld", target, (long)getppid());
    snprintf(stays[1], sizeof stays[1], "%s.tmp.%ldx", target, dead);
    snprintf(stays[2], sizeof stays[2], "%sx.tmp.%ld", target, dead);
    snprintf(stays[3], sizeof stays[3], "%s.tmp.0", target);
    make(left[0]);
    make(left[1]);
    assert_int_equal(mkdir(left[2], 0700), 0);
    char inside[300];
    snprintf(inside, sizeof inside, "%s/file", left[2]);
    make(inside);
    for (int i = 0; i < 4; i++)
        make(stays[i]);
    lrt_output_sweep(target);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(access(left[i], F_OK), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(unlink(stays[i]), 0);
    free(target);
}

static void test_target(void **state)
{
    (void)state;
    lrt_error e;
    char *link = path_of("link"), *circle = path_of("circle"), *file = path_of("file");
    assert_int_equal(symlink("file", link), 0); /* to nothing, yet */
    assert_int_equal(symlink("circle", circle), 0);
    char *target = lrt_output_target(link, &e);
    assert_string_equal(target, file);
    assert_null(lrt_output_target(circle, &e));
    assert_non_null(strstr(e.text, "circle: cannot be written"));
    unlink(link);
    unlink(circle);
    free(target);
    free(link);
    free(circle);
    free(file);
}

static void test_claims(void **state)
{
    (void)state;
    lrt_error e;
    char *in = path_of("in"), *hard = path_of("hard"), *soft = path_of("soft"),
         *out = path_of("out"), *dotted = path_of("./out"), *nowhere = path_of("nowhere/out"),
         *update = path_of("update");
    make(in);
    make(update);
    assert_int_equal(link(in, hard) | symlink("in", soft), 0);
    assert_true(lrt_output_protect(in, &e));
    assert_false(lrt_output_claim(in, &e));
    assert_non_null(strstr(e.text, "in: is read, so it cannot be an output, too"));
    assert_false(lrt_output_claim(hard, &e));
    assert_false(lrt_output_free(soft, &e));
    assert_true(lrt_output_claim(out, &e));
    assert_false(lrt_output_claim(dotted, &e));
    assert_non_null(strstr(e.text, "two outputs"));
    assert_true(lrt_output_claim("/dev/null", &e) && lrt_output_claim("/dev/null", &e));
    assert_false(lrt_output_claim(nowhere, &e));
    assert_false(lrt_output_claim(folder_path(), &e));
    assert_non_null(strstr(e.text, "Is a directory"));
    make(out);
    assert_false(lrt_output_protect(out, &e)); /* an input that is found later */
    assert_true(lrt_output_claim_update(update, &e) && lrt_output_protect(update, &e));
    assert_true(lrt_output_claim_update(update, &e));
    lrt_output_forget();
    assert_true(lrt_output_claim(in, &e));
    lrt_output_forget();
    char *const all[] = {in, hard, soft, out, update, dotted, nowhere};
    for (int i = 0; i < 7; i++) {
        unlink(all[i]);
        free(all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep), cmocka_unit_test(test_target),
                                       cmocka_unit_test(test_claims)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
