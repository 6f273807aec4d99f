/* Safetensors files: see safetensors.h.
 *
 *   u64 little-endian N | N bytes of JSON {"name": {"dtype", "shape", "data_offsets": [begin,
 * end)},
 *   ...} | data
 *
 * Offsets count from the end of the header. A valid file has neither gaps nor overlaps, every
 * tensor's bytes agree with its shape, and nothing follows the last one. "__metadata__" maps
 * strings to strings. The bytes are checked strictly; the JSON is what Python's json module and
 * the safetensors library take: a type that is not known here, members that are not, and of a
 * name that is there twice the last. */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define MAX_HEADER (100u << 20)

static int by_name(const void *a, const void *b)
{
    return strcmp(((const StTensor *)a)->name, ((const StTensor *)b)->name);
}

/* Of one name the last in the header comes last. */
static int by_name_and_place(const void *a, const void *b)
{
    const StTensor *x = a, *y = b;
    int order = by_name(a, b);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Sorts by name and keeps the last tensor of each. */
static void sort_by_name(StFile *f)
{
    size_t n = 0;
    qsort(f->tensors, f->n, sizeof *f->tensors, by_name_and_place);
    for (size_t i = 0; i < f->n; i++)
        if (i + 1 == f->n || by_name(&f->tensors[i], &f->tensors[i + 1]))
            f->tensors[n++] = f->tensors[i];
    f->n = n;
}

static int by_data(const void *a, const void *b)
{
    const StTensor *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* empty ones first */
}

/* No gaps, no overlaps, nothing after the last tensor. */
static void check_places(const StFile *f, const char *data)
{
    const char *at = data, *end = (const char *)f->map + f->map_bytes, *before = NULL;
    qsort(f->tensors, f->n, sizeof *f->tensors, by_data);
    for (size_t i = 0; i < f->n; i++) {
        const StTensor *t = &f->tensors[i];
        if ((const char *)t->data < at)
            err("%s: tensors \"%s\" and \"%s\" overlap at byte %lld of the data", f->path, before,
                t->name, (long long)((const char *)t->data - data));
        if ((const char *)t->data > at)
            err("%s: bytes %lld to %lld of the data, before tensor \"%s\", belong to no tensor",
                f->path, (long long)(at - data), (long long)((const char *)t->data - data),
                t->name);
        at = (const char *)t->data + t->bytes;
        before = t->name;
    }
    if (at != end)
        err("%s: %lld bytes follow the last tensor's", f->path, (long long)(end - at));
}

static void validate(StFile *f)
{
    const unsigned char *p = f->map;
    uint64_t header = 0;
    if (f->map_bytes < 8)
        err("%s: has %zu bytes, expected a safetensors file (8 bytes and more): truncated?",
            f->path, f->map_bytes);
    for (int i = 0; i < 8; i++)
        header |= (uint64_t)p[i] << 8 * i;
    if (header > MAX_HEADER)
        err("%s: header of %llu bytes, expected at most %u: not a safetensors file?", f->path,
            (unsigned long long)header, MAX_HEADER);
    if (header > f->map_bytes - 8)
        err("%s: header of %llu bytes, but the file has only %zu: truncated?", f->path,
            (unsigned long long)header, f->map_bytes);
    const char *begin = (const char *)p + 8;
    st_scan_header(f, begin, begin + header);
    sort_by_name(f);
    check_places(f, begin + header);
    sort_by_name(f);
}

static void release(void *file)
{
    StFile *f = file;
    if (f->reading)
        munmap(f->map, f->map_bytes);
    reading_end(f->reading);
}

static StFile *new_file(const char *path)
{
    Arena *a = arena_new();
    StFile *f = arena_alloc(a, sizeof *f);
    *f = (StFile){
        .path = arena_strdup(a, path), .arena = a, .tensors = arena_alloc(a, sizeof(StTensor))};
    arena_at_end(a, release, f); /* also when err() is caught */
    return f;
}

StFile *st_from_memory(const char *path, const void *data, size_t bytes)
{
    StFile *f = new_file(path);
    f->map = (void *)data; /* only st_open's are unmapped */
    f->map_bytes = bytes;
    validate(f);
    return f;
}

/* A pipe has no place to map: its bytes are copied. */
static StFile *open_pipe(const char *path, int fd)
{
    enum { RUN = 1 << 16, MOST = 1 << 28 };
    StFile *f = new_file(path);
    char *bytes = NULL;
    size_t have = 0, room = 0;
    for (ssize_t n = 1; n > 0; have += (size_t)n) {
        if (have > MOST)
            err("%s: more than %d MiB come, expected a .safetensors file", path, MOST >> 20);
        if (room - have < RUN) {
            char *more = arena_alloc(f->arena, room = 2 * room + RUN);
            memcpy(more, bytes ? bytes : "", have);
            bytes = more;
        }
        if ((n = read(fd, bytes + have, room - have)) < 0)
            err("%s: cannot be read: %s", path, strerror(errno));
    }
    close(fd);
    f->map = bytes;
    f->map_bytes = have;
    validate(f);
    return f;
}

StFile *st_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        err("%s: not a file, expected a .safetensors file", path);
    if (!S_ISREG(st.st_mode))
        return open_pipe(path, fd);
    StFile *f = new_file(path);
    f->map_bytes = (size_t)st.st_size;
    if (f->map_bytes) {
        f->map = mmap(NULL, f->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (f->map == MAP_FAILED)
            err("%s: cannot be mapped: %s", path, strerror(errno));
        f->reading = reading_begin(path, fd);
    } else {
        close(fd);
    }
    validate(f);
    return f;
}

const StTensor *st_find(const StFile *f, const char *name)
{
    return bsearch(&(StTensor){.name = name}, f->tensors, f->n, sizeof *f->tensors, by_name);
}

const char *st_meta(const StFile *f, const char *key)
{
    for (size_t i = f->n_meta; i-- > 0;) /* of two the last, as Python has it */
        if (!strcmp(f->meta[i].key, key))
            return f->meta[i].value;
    return NULL;
}

void st_close(StFile *f) { arena_free(f->arena); }
