/* Files of --tune: refused with a place, or what is read is written and read again the same. */
#include "fuzz.h"
#include "files.h"
#include "tune_file.h"
#include <stdio.h>
#include <unistd.h>

static const char *file_with(const void *data, size_t size)
{
    static char name[64];
    snprintf(name, sizeof name, "/tmp/fuzz-tune-%d.json", (int)getpid());
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        die("%s: cannot be written", name);
    return name;
}

static void body(const uint8_t *data, size_t size)
{
    size_t n, again;
    const char *path = file_with(data, size);
    Tuning *t = tuning_open(path);
    tuning_write(t);
    tuning_free(t);
    char *first = read_file(path, &n);
    t = tuning_open(path);
    tuning_write(t);
    tuning_free(t);
    char *second = read_file(path, &again);
    if (n != again || memcmp(first, second, n))
        die("what was written reads back as something else");
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int r = fuzz_catch(body, data, size);
    unlink(file_with("", 0));
    return r;
}
