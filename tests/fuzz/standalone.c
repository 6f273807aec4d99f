/* Runs a fuzz target on every file of the folders given, without libFuzzer. Each file is also tried
 * cut short and with single bytes changed, by a fixed rule, so that a corpus of a few files still
 * tests something near each of them. */
#include <dirent.h>
#include <sys/stat.h>

#define FUZZ_STANDALONE
#include "fuzz.h"
#include "alloc.h"
#include "files.h"
#include "fnv.h"

enum { CHANGES = 64 };

static void run_file(const char *path, long *runs)
{
    static const char special[] = "{}[]\",:0-e\\u%";
    size_t n;
    uint8_t *data = (uint8_t *)read_file(path, &n);
    LLVMFuzzerTestOneInput(data, n);
    for (uint64_t i = 0; i < CHANGES && n; i++) {
        size_t at = (size_t)(fnv1a64(&i, sizeof i, n) % n);
        uint8_t kept = data[at],
                *copy = xmalloc(at +
                                1); /* exact size, so that a sanitizer sees reads past the end */
        memcpy(copy, data, at);
        LLVMFuzzerTestOneInput(copy, at);
        free(copy);
        if (i % 2)
            data[at] = (uint8_t)(kept ^ 1u << i % 8);
        else
            data[at] = (uint8_t)special[i / 2 % (sizeof special - 1)];
        LLVMFuzzerTestOneInput(data, n);
        data[at] = kept;
    }
    free(data);
    *runs += 1 + 2 * CHANGES;
}

int main(int argc, char **argv)
{
    long runs = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder)
            err("%s: no such folder", argv[i]);
        for (struct dirent *d; (d = readdir(folder));) {
            char path[4096];
            struct stat st;
            snprintf(path, sizeof path, "%s/%s", argv[i], d->d_name);
            if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
                run_file(path, &runs);
        }
        closedir(folder);
    }
    if (!runs)
        err("no files; usage: %s FOLDER...", argv[0]);
    printf("%ld runs\n", runs);
    return 0;
}
