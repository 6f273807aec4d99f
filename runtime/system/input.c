/* Files that are read: see input.h. */
#define _GNU_SOURCE /* memfd_create */
#include "input.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies all of `from`; false, with *e. */
static bool copy_all(const char *path, FILE *from, FILE *to, lrt_error *e)
{
    char block[65536];
    size_t total = 0;
    for (size_t n; (n = fread(block, 1, sizeof block, from)) > 0; total += n) {
        if (total + n > LRT_MOST_PIPED)
            return lrt_fail(e, "%s: more than %d MiB come from a pipe or a device", path,
                            LRT_MOST_PIPED >> 20);
        if (fwrite(block, 1, n, to) != n)
            return lrt_fail(e, "%s: cannot be copied to memory: %s", path, strerror(errno));
    }
    if (ferror(from) || fflush(to))
        return lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
    rewind(to);
    return true;
}

FILE *lrt_input_open(const char *path, lrt_error *e)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st)) {
        lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    if (S_ISREG(st.st_mode))
        return f;
    int fd = S_ISDIR(st.st_mode) ? -1 : memfd_create("latentrt", MFD_CLOEXEC);
    FILE *copy = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (!copy && fd >= 0)
        close(fd);
    if (!copy)
        lrt_fail(e, "%s: cannot be read: %s", path, strerror(S_ISDIR(st.st_mode) ? EISDIR : errno));
    else if (!copy_all(path, f, copy, e)) {
        fclose(copy);
        copy = NULL;
    }
    fclose(f);
    return copy;
}
