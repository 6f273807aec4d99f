/* Checkpoints: their tensors, and their safetensors files. See checkpoint.h. */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "err.h"

void checkpoint_close(Checkpoint *c)
{
    if (c->close)
        c->close(c);
    json_free(c->settings);
    arena_free(c->arena);
}

/* ---- tensors ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Stored *)a)->name, ((const Stored *)b)->name);
}

void checkpoint_add(Checkpoint *c, Stored t)
{
    ARENA_GROW(c->arena, c->tensors, c->n, c->cap);
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

const char *checkpoint_type(const Stored *t) { return t->type ? t->type : st_dtype_name(t->dtype); }

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
    if (last > first) /* only advice: without it reading is slower */
        (void)madvise((void *)first, last - first, advice);
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

/* ---- safetensors files in a checkpoint ---- */

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
                    .type = t->type,
                    .rank = t->rank,
                    .data = t->data,
                    .bytes = t->bytes,
                    .file = f->file->path};
        memcpy(s.dim, t->dim, sizeof s.dim);
        checkpoint_add(c, s);
    }
    return f->file;
}
