/* Files that appear whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "files.h"
#include "outfile.h"

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* A file appears whole or not at all. */
static void test_outfile(void **state)
{
    (void)state;
    char folder[] = "/tmp/latentc-test-XXXXXX", path[64], temp[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    OutFile *f = outfile_open(path);
    snprintf(temp, sizeof temp, "%s", outfile_temp_path(f));
    outfile_write(f, "hello", 5);
    assert_false(exists(path));
    outfile_commit(f, 0644);
    assert_true(exists(path) && !exists(temp));
    size_t n;
    char *back = read_file(path, &n);
    assert_true(n == 5 && strcmp(back, "hello") == 0);
    free(back);
    unlink(path);
    for (int how = 0; how < 2; how++) { /* killed, or out with an error: nothing is left */
        pid_t child = fork();
        if (child == 0) {
            int quiet = open("/dev/null", O_WRONLY);
            dup2(quiet, 2);
            outfile_write(outfile_open(path), "half", 4);
            if (how == 0)
                raise(SIGTERM);
            err("enough");
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(how == 0 ? WIFSIGNALED(status) : WEXITSTATUS(status) == EXIT_USER);
        assert_int_equal(rmdir(folder), 0);
        assert_int_equal(mkdir(folder, 0700), 0);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outfile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
