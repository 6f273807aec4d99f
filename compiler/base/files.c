/* Whole files, and the files that come with this program: see files.h. */
#include "files.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "buf.h"
#include "err.h"
#include "host.h"
#include "names.h"
#include "outfile.h"

/* ---- whole files ---- */

/* What pipes and devices gave: they give it once, and files are read as often as a command needs
 * them. */
typedef struct Spool {
    dev_t device;
    ino_t inode;
    Buf text;
    struct Spool *next;
} Spool;
static Spool *spools;

static Buf read_stream(FILE *f, const char *path)
{
    Buf b = {0};
    char chunk[16384];
    size_t n;
    buf_add(&b, "", 0);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        buf_add(&b, chunk, n);
        if (b.len > READ_FILE_MOST)
            err("%s: has more than %d MiB, expected a text file", path, READ_FILE_MOST >> 20);
    }
    if (ferror(f))
        err("%s: cannot be read: %s", path, strerror(errno));
    return b;
}

static const Buf *spooled(const struct stat *st)
{
    for (const Spool *s = spools; s; s = s->next)
        if (s->device == st->st_dev && s->inode == st->st_ino)
            return &s->text;
    return NULL;
}

static const Buf *spool(const struct stat *st, Buf text)
{
    Spool *s = xmalloc(sizeof *s);
    *s = (Spool){st->st_dev, st->st_ino, text, spools};
    spools = s;
    return &s->text;
}

static char *copy_of(const Buf *b, size_t *len)
{
    char *text = xmalloc(b->len + 1);
    memcpy(text, b->data, b->len + 1);
    if (len)
        *len = b->len;
    return text;
}

char *read_file(const char *path, size_t *len)
{
    struct stat st;
    bool known = stat(path, &st) == 0, once = known && !S_ISREG(st.st_mode);
    if (known && S_ISDIR(st.st_mode))
        err("%s: is a folder, expected a file", path);
    const Buf *before = once ? spooled(&st) : NULL;
    if (before)
        return copy_of(before, len);
    FILE *f = fopen(path, "rb");
    if (!f)
        err("%s: cannot be read: %s", path, strerror(errno));
    input_claim(path);
    Buf b = read_stream(f, path);
    fclose(f);
    if (once)
        return copy_of(spool(&st, b), len);
    if (len)
        *len = b.len;
    return b.data;
}

/* ---- files of this program ---- */

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

/* A program, such as the one that `build shapes -o shapes` wrote, is no text of a graph. */
static bool is_program(const char *path)
{
    char magic[4] = "";
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    bool elf = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "\177ELF", 4);
    fclose(f);
    return elf;
}

/* What is read before any file that comes with this program. */
static bool comes_first(const char *path)
{
    struct stat st;
    return !*path || *path == '/' ||
           (!stat(path, &st) && !S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && is_program(path)));
}

/* err() when `name` is nowhere, but is nearly the name of a pipeline of this program. */
static void suggest_pipeline(Arena *a, const char *name)
{
    struct stat st;
    const char *folder = own_file(a, "graphs");
    glob_t found;
    if (!folder || !stat(name, &st) || errno != ENOENT || strpbrk(name, "/.") ||
        glob(arena_printf(a, "%s/*/pipeline.json", folder), 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *file = found.gl_pathv[i], *own_name = file + strlen(folder) + 1;
        *strrchr(own_name, '/') = 0;
        memmove(file, own_name, strlen(own_name) + 1);
    }
    const lrt_names names = {(const char *const *)found.gl_pathv, sizeof *found.gl_pathv,
                             (int)found.gl_pathc};
    const char *near = lrt_name_near(name, names);
    if (near)
        err("%s: cannot be read: %s; did you mean '%s'?", name, strerror(ENOENT), near);
    globfree(&found);
}

const char *graph_file(const char *path)
{
    static const char *const forms[] = {"%s", "graphs/%s", "graphs/%s/pipeline.json",
                                        "graphs/%s.json"};
    struct stat st;
    if (comes_first(path))
        return path;
    Arena *a = arena_new();
    const char *found = NULL;
    for (int i = 0; i < 4 && !found; i++) {
        char name[4096];
        int n = snprintf(name, sizeof name, forms[i], path);
        const char *own = n < (int)sizeof name ? own_file(a, name) : NULL;
        if (own && !stat(own, &st) && S_ISREG(st.st_mode) && !is_program(own))
            found = xstrdup(own);
    }
    if (!found)
        suggest_pipeline(a, path);
    arena_free(a);
    return found ? found : path;
}
