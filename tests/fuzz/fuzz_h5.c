/* Keras' HDF5 files: lists of names, groups, datasets. The file is in memory; what is accepted is
 * read whole. */
#include "checkpoint.h"
#include "keras.h"
#include "library_guard.h"
#include "fuzz.h"
#include "alloc.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GUARDED_SECONDS = 10 };

static void body(const uint8_t *data, size_t size)
{
    Arena *a = arena_new();
    Checkpoint *c = arena_alloc(a, sizeof *c);
    uint64_t sum = 0;
    *c = (Checkpoint){.arena = a, .spec = "fuzz", .path = "fuzz"};
    library_guard("fuzz", "HDF5's library", GUARDED_SECONDS); /* as open_file of keras.c */
    open_keras_image(c, data, size);
    library_guard_end();
    checkpoint_sort(c);
    if (!c->scheme || !c->taken_for || !c->why)
        die("a file is opened and not understood");
    for (size_t i = 0; i < c->n; i++) {
        const Stored *t = &c->tensors[i];
        if (checkpoint_find(c, t->name) != t)
            die("a tensor is not found by its name");
        for (size_t k = 0; t->data && k < t->bytes; k++)
            sum += ((const uint8_t *)t->data)[k]; /* the sanitizer watches the bounds */
        if (t->data || t->dtype == ST_OTHER || t->bytes > 1 << 20)
            continue;
        void *numbers = xmalloc(t->bytes);
        c->read(c, t, numbers);
        free(numbers);
    }
    if (sum == UINT64_MAX)
        note("unlikely");
    checkpoint_close(c);
}

#if defined(LATENTC_LIBFUZZER) || defined(__SANITIZE_ADDRESS__)
/* In this process: the sanitizer says more than a signal. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
#else
/* libhdf5 crashes on damaged files, or does not end. In programs library_guard.h makes an error of
 * that; it is off while err() is caught. So each input has a process of its own, which ends as a
 * program does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int status;
    pid_t child = fork();
    if (!child) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        body(data, size);
        _exit(EXIT_OK);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (!WIFEXITED(status) || WEXITSTATUS(status) > EXIT_USER)
        abort();
    return 0;
}
#endif
