/* Checkpoints: which format a SPEC is, its list of tensors. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint.h"
#include "fetch.h"

/* ---- what it is
 * -------------------------------------------------------------------------------------------------------------------
 */

enum { HEAD = 4096, MOST_HEAD = 100 << 20 };

bool peek_begins(const Peek *p, const void *magic, size_t n)
{
    return p->n >= n && !memcmp(p->head, magic, n);
}

bool peek_has(const Peek *p, const char *text)
{
    return p->n && memmem(p->head, p->n, text, strlen(text));
}

static size_t read_head(int fd, char *into, size_t n)
{
    size_t got = 0;
    for (ssize_t k; got < n && (k = pread(fd, into + got, n - got, (off_t)got)) > 0;)
        got += (size_t)k;
    return got;
}

static Peek peek(Arena *a, const char *spec)
{
    struct stat st;
    Peek p = {.spec = spec};
    int fd = open(spec, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && !strpbrk(spec, "/.") && *fetch_names(a, NULL))
        err("%s: cannot be read: %s; names of published weights: %s", spec, strerror(errno),
            fetch_names(a, NULL));
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s", spec, strerror(errno));
    p.folder = S_ISDIR(st.st_mode);
    if (!p.folder && !S_ISREG(st.st_mode))
        err("%s: neither a file nor a folder, expected weights", spec);
    if (!p.folder) {
        char *head = arena_alloc(a, HEAD);
        p.n = read_head(fd, head, HEAD);
        uint64_t length = 0;
        for (int i = 0; i < 8 && p.n > 8; i++)
            length |= (uint64_t)(unsigned char)head[i] << 8 * i;
        p.safetensors = p.n > 8 && head[8] == '{' && length <= MOST_HEAD &&
                        length + 8 <= (uint64_t)st.st_size;
        if (p.safetensors && length + 8 > HEAD) {
            head = arena_alloc(a, length + 8);
            p.n = read_head(fd, head, length + 8);
        }
        p.head = head;
    }
    close(fd);
    return p;
}

Checkpoint *checkpoint_open(const char *spec, const CheckpointOptions *o)
{
    static const CheckpointOptions none;
    Arena *a = arena_new(), *scratch = arena_new();
    Checkpoint *c = arena_alloc(a, sizeof *c);
    *c = (Checkpoint){.arena = a, .spec = arena_strdup(a, spec)};
    c->path = fetch_knows(spec, NULL)
                  ? fetch_published(a, spec, &(FetchOptions){.offline = o && o->offline})
                  : c->spec;
    Peek p = peek(scratch, c->path);
    for (int i = 0; i < n_checkpoint_formats && !c->format; i++)
        if (checkpoint_formats[i].recognises(&p))
            c->format = &checkpoint_formats[i];
    arena_free(scratch);
    if (!c->format)
        err("%s: no format of weights that is known here",
            spec); /* the last row takes every file */
    c->format->open(c, o ? o : &none);
    checkpoint_sort(c);
    return c;
}

void checkpoint_close(Checkpoint *c)
{
    if (c->close)
        c->close(c);
    arena_free(c->arena);
}

/* ---- tensors
 * ----------------------------------------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Stored *)a)->name, ((const Stored *)b)->name);
}

void checkpoint_add(Checkpoint *c, Stored t)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 256;
        Stored *more = arena_alloc(c->arena, c->cap * sizeof *more);
        if (c->n)
            memcpy(more, c->tensors, c->n * sizeof *more);
        c->tensors = more;
    }
    c->tensors[c->n++] = t;
}

void checkpoint_sort(Checkpoint *c)
{
    if (c->n)
        qsort(c->tensors, c->n, sizeof *c->tensors, by_name);
    for (size_t i = 1; i < c->n; i++)
        if (!by_name(&c->tensors[i - 1], &c->tensors[i]))
            err("%s: tensor \"%s\" is there twice%s%s", c->spec, c->tensors[i].name,
                strcmp(c->tensors[i - 1].file, c->tensors[i].file) ? ", the second time in " : "",
                strcmp(c->tensors[i - 1].file, c->tensors[i].file) ? c->tensors[i].file : "");
}

const Stored *checkpoint_find(const Checkpoint *c, const char *name)
{
    return c->n ? bsearch(&(Stored){.name = name}, c->tensors, c->n, sizeof *c->tensors, by_name)
                : NULL;
}

uint64_t checkpoint_bytes(const Checkpoint *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += c->tensors[i].bytes;
    return sum;
}

static void advise(const Stored *t, int advice)
{
    enum { LEAST = 1 << 16 };
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (!t->data || t->bytes < LEAST)
        return;
    uintptr_t first = ((uintptr_t)t->data + page - 1) / page * page,
              last = ((uintptr_t)t->data + t->bytes) / page * page;
    if (last > first)
        (void)madvise((void *)first, last - first,
                      advice); /* a kernel without it reads as well, only slower */
}

void checkpoint_want(const Stored *t)
{
#ifdef MADV_POPULATE_READ /* all at once, instead of a fault every few pages */
    advise(t, MADV_POPULATE_READ);
#else
    advise(t, MADV_WILLNEED);
#endif
}

void checkpoint_release(const Stored *t) { advise(t, MADV_DONTNEED); }

/* ---- safetensors files in a checkpoint
 * -------------------------------------------------------------------------------------------- */

typedef struct Files {
    StFile *file;
    struct Files *next;
} Files;

static void close_files(Checkpoint *c)
{
    for (Files *f = c->state; f; f = f->next)
        st_close(f->file);
}

StFile *checkpoint_add_safetensors(Checkpoint *c, const char *path, const char *prefix)
{
    Files *f = arena_alloc(c->arena, sizeof *f);
    *f = (Files){st_open(path), c->state};
    c->state = f;
    c->close = close_files;
    for (size_t i = 0; i < f->file->n; i++) {
        const StTensor *t = &f->file->tensors[i];
        Stored s = {.name = *prefix ? arena_printf(c->arena, "%s%s", prefix, t->name) : t->name,
                    .dtype = t->dtype,
                    .rank = t->rank,
                    .data = t->data,
                    .bytes = t->bytes,
                    .file = f->file->path};
        memcpy(s.dim, t->dim, sizeof s.dim);
        checkpoint_add(c, s);
    }
    return f->file;
}
