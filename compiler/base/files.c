/* Whole files, and the files that come with this program: see files.h. */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "buf.h"
#include "err.h"
#include "host.h"
#include "outfile.h"

char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        err("%s: cannot be read: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
        err("%s: is a folder, expected a file", path);
    input_claim(path);
    Buf b = {0};
    char chunk[16384];
    size_t n;
    buf_add(&b, "", 0);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&b, chunk, n);
    if (ferror(f))
        err("%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
    if (len)
        *len = b.len;
    return b.data;
}

const char *own_folder(Arena *a)
{
    char self[4096];
    if (!lrt_host_program_path(self, sizeof self))
        return NULL;
    *strrchr(self, '/') = 0;
    return arena_strdup(a, self);
}

const char *own_file(Arena *a, const char *relative)
{
    static const char *const above[] = {
        "..", "../share/latentc", "../../..",
        "../../../.."}; /* the last two are for programs of the tests */
    const char *self = own_folder(a);
    for (size_t i = 0; self && i < sizeof above / sizeof above[0]; i++) {
        const char *path = arena_printf(a, "%s/%s/%s", self, above[i], relative);
        if (!access(path, R_OK))
            return path;
    }
    return NULL;
}

const char *graph_file(const char *path)
{
    static const char *const forms[] = {"%s", "graphs/%s", "graphs/%s/pipeline.json",
                                        "graphs/%s.json"};
    struct stat st;
    if (*path == '/' || !*path || (!stat(path, &st) && !S_ISDIR(st.st_mode)))
        return path;
    Arena *a = arena_new();
    const char *found = NULL;
    for (int i = 0; i < 4 && !found; i++) {
        char name[4096];
        int n = snprintf(name, sizeof name, forms[i], path);
        const char *own = n < (int)sizeof name ? own_file(a, name) : NULL;
        if (own && !stat(own, &st) && S_ISREG(st.st_mode))
            found = xstrdup(own);
    }
    arena_free(a);
    return found ? found : path;
}
