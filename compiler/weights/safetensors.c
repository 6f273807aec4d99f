/* Safetensors files, read strictly (safetensors_write.c writes them).
 *
 *   u64 little-endian N | N bytes of JSON {"name": {"dtype", "shape", "data_offsets": [begin,
 * end)}, ...} | data
 *
 * Offsets count from the end of the header. A valid file has neither holes nor overlaps, every
 * tensor's bytes agree with its shape, and nothing follows the last. "__metadata__" maps strings to
 * strings. The header has a fixed form, so it is scanned here in one pass, byte positions at hand
 * for messages, rather than through a general JSON tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weights.h"

#define MAX_HEADER (100u << 20)
#define MAX_DIMS 8

/* clang-format off */
static const struct { const char *name; StDtype dtype; size_t size; } dtypes[] = {
    {"F64", ST_F64, 8}, {"F32", ST_F32, 4}, {"F16", ST_F16, 2}, {"BF16", ST_BF16, 2}, {"I64", ST_I64, 8},
    {"I32", ST_I32, 4}, {"U8", ST_U8, 1}, {"U64", ST_OTHER, 8}, {"U32", ST_OTHER, 4}, {"U16", ST_OTHER, 2},
    {"I16", ST_OTHER, 2}, {"I8", ST_OTHER, 1}, {"BOOL", ST_OTHER, 1}, {"F8_E4M3", ST_OTHER, 1},
    {"F8_E5M2", ST_OTHER, 1},
};
/* clang-format on */
#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

const char *st_dtype_name(StDtype d)
{
    for (size_t i = 0; i < N_DTYPES && d != ST_OTHER; i++)
        if (dtypes[i].dtype == d)
            return dtypes[i].name;
    return "of another kind";
}

/* ---- scanning the header
 * ----------------------------------------------------------------------------------------------------
 */

typedef struct {
    StFile *f;
    const char *begin, *at, *end;
    size_t cap, meta_cap;
} Scan;

/* A tensor as its entry in the header says. */
typedef struct {
    int dtype; /* index into dtypes, -1: not given */
    bool has_shape, has_offsets;
    uint64_t first, last;
} Entry;

static _Noreturn void expected(const Scan *s, const char *what)
{
    long long byte = (long long)(s->at - s->begin) + 8;
    if (s->at == s->end)
        err("%s: byte %lld: expected %s, found the end of the header", s->f->path, byte, what);
    unsigned char c = (unsigned char)*s->at;
    if (c > ' ' && c < 127)
        err("%s: byte %lld: expected %s, found '%c'", s->f->path, byte, what, c);
    err("%s: byte %lld: expected %s, found byte 0x%02x", s->f->path, byte, what, c);
}

static void skip_space(Scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
}

static bool accept(Scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static void expect(Scan *s, char c, const char *what)
{
    if (!accept(s, c))
        expected(s, what);
}

static unsigned scan_hex4(Scan *s)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *d = s->at < s->end && *s->at ? strchr(digits, *s->at) : NULL;
        if (!d)
            expected(s, "a hexadecimal digit");
        v = v * 16 + (unsigned)(d - digits < 16 ? d - digits : d - digits - 6);
    }
    return v;
}

static char *put_utf8(char *p, unsigned c)
{
    if (c < 0x80) {
        *p++ = (char)c;
        return p;
    }
    int extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *p++ = (char)(lead[extra] | c >> 6 * extra);
    while (extra--)
        *p++ = (char)(0x80 | (c >> 6 * extra & 0x3f));
    return p;
}

/* After the backslash. */
static char *scan_escape(Scan *s, char *p)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *k = s->at < s->end && *s->at ? strchr(from, *s->at) : NULL;
    if (k) {
        s->at++;
        *p++ = to[k - from];
        return p;
    }
    if (s->at == s->end || *s->at != 'u')
        expected(s, "an escape such as \\n or \\u0041");
    s->at++;
    unsigned c = scan_hex4(s);
    if (c >= 0xd800 && c < 0xdc00) {
        if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
            expected(s, "the second half of a surrogate pair");
        s->at += 2;
        unsigned low = scan_hex4(s);
        if (low < 0xdc00 || low > 0xdfff)
            expected(s, "the second half of a surrogate pair before this");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
        expected(s, "a character other than U+0000 or half a surrogate pair before this");
    }
    return put_utf8(p, c);
}

static const char *scan_string(Scan *s, const char *what)
{
    expect(s, '"', what);
    const char *close = s->at; /* no escape makes a string longer than it is written */
    while (close < s->end && *close != '"')
        close += *close == '\\' && close + 1 < s->end ? 2 : 1;
    char *text = arena_alloc(s->f->arena, (size_t)(close - s->at) + 4), *p = text;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < ' ')
            expected(s, "a printable character");
        if (*s->at == '\\') {
            s->at++;
            p = scan_escape(s, p);
        } else {
            *p++ = *s->at++;
        }
    }
    expect(s, '"', "'\"'");
    return text;
}

static uint64_t scan_number(Scan *s)
{
    skip_space(s);
    uint64_t v = 0;
    const char *start = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        v = v * 10 + (uint64_t)(*s->at - '0');
        if (v > INT64_MAX / 16)
            expected(s, "a number below 2^59");
    }
    if (s->at == start)
        expected(s, "a number (whole, not negative)");
    return v;
}

static void scan_shape(Scan *s, StTensor *t)
{
    expect(s, '[', "'['");
    if (accept(s, ']'))
        return;
    do {
        if (t->rank == MAX_DIMS)
            err("%s: tensor \"%s\" has more than %d dimensions", s->f->path, t->name, MAX_DIMS);
        t->dim[t->rank++] = (int64_t)scan_number(s);
    } while (accept(s, ','));
    expect(s, ']', "',' or ']'");
}

static void scan_field(Scan *s, StTensor *t, Entry *e)
{
    const char *key = scan_string(s, "\"dtype\", \"shape\" or \"data_offsets\"");
    expect(s, ':', "':'");
    if (!strcmp(key, "dtype") && e->dtype < 0) {
        const char *name = scan_string(s, "a dtype such as \"F32\"");
        for (size_t i = 0; i < N_DTYPES; i++)
            if (!strcmp(name, dtypes[i].name))
                e->dtype = (int)i;
        if (e->dtype < 0)
            err("%s: tensor \"%s\" has dtype \"%s\", expected F32, F16, BF16 or F64", s->f->path,
                t->name, name);
    } else if (!strcmp(key, "shape") && !e->has_shape) {
        e->has_shape = true;
        scan_shape(s, t);
    } else if (!strcmp(key, "data_offsets") && !e->has_offsets) {
        e->has_offsets = true;
        expect(s, '[', "'['");
        e->first = scan_number(s);
        expect(s, ',', "','");
        e->last = scan_number(s);
        expect(s, ']', "']'");
    } else {
        err("%s: tensor \"%s\": \"%s\" is %s, expected dtype, shape and data_offsets, each once",
            s->f->path, t->name, key,
            strcmp(key, "dtype") && strcmp(key, "shape") && strcmp(key, "data_offsets")
                ? "unknown"
                : "repeated");
    }
}

/* t's bytes agree with its shape and lie within the file's data. */
static void place_tensor(const Scan *s, StTensor *t, const Entry *e)
{
    const char *data = s->end;
    uint64_t available = (uint64_t)((const char *)s->f->map + s->f->map_bytes - data);
    if (e->dtype < 0 || !e->has_shape || !e->has_offsets)
        err("%s: tensor \"%s\": \"%s\" is missing", s->f->path, t->name,
            e->dtype < 0    ? "dtype"
            : !e->has_shape ? "shape"
                            : "data_offsets");
    int64_t bytes = (int64_t)dtypes[e->dtype].size;
    for (int i = 0; i < t->rank; i++)
        if (mul_overflow(bytes, t->dim[i], &bytes))
            err("%s: tensor \"%s\" has a shape whose size overflows", s->f->path, t->name);
    if (e->last > available)
        err("%s: tensor \"%s\" ends at byte %llu of the data, but the file has only %llu: truncated?",
            s->f->path, t->name, (unsigned long long)e->last, (unsigned long long)available);
    if (e->first > e->last || e->last - e->first != (uint64_t)bytes)
        err("%s: tensor \"%s\" has data_offsets [%llu,%llu], expected %lld bytes by its shape and dtype",
            s->f->path, t->name, (unsigned long long)e->first, (unsigned long long)e->last,
            (long long)bytes);
    t->dtype = dtypes[e->dtype].dtype;
    t->data = data + e->first;
    t->bytes = (size_t)bytes;
}

static void scan_tensor(Scan *s, const char *name)
{
    StFile *f = s->f;
    if (f->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        StTensor *more = arena_alloc(f->arena, s->cap * sizeof *more);
        if (f->n)
            memcpy(more, f->tensors, f->n * sizeof *more);
        f->tensors = more;
    }
    StTensor *t = &f->tensors[f->n++];
    *t = (StTensor){.name = name};
    Entry e = {.dtype = -1};
    expect(s, '{', "'{'");
    do
        scan_field(s, t, &e);
    while (accept(s, ','));
    expect(s, '}', "',' or '}'");
    place_tensor(s, t, &e);
}

static void scan_metadata(Scan *s)
{
    StFile *f = s->f;
    expect(s, '{', "'{'");
    if (accept(s, '}'))
        return;
    do {
        if (f->n_meta == s->meta_cap) {
            s->meta_cap = s->meta_cap ? 2 * s->meta_cap : 16;
            const char **keys = arena_alloc(f->arena, s->meta_cap * sizeof *keys);
            const char **values = arena_alloc(f->arena, s->meta_cap * sizeof *values);
            for (size_t i = 0; i < f->n_meta; i++) {
                keys[i] = f->meta_keys[i];
                values[i] = f->meta_values[i];
            }
            f->meta_keys = keys;
            f->meta_values = values;
        }
        f->meta_keys[f->n_meta] = scan_string(s, "a string");
        expect(s, ':', "':'");
        f->meta_values[f->n_meta++] = scan_string(s, "a string");
    } while (accept(s, ','));
    expect(s, '}', "',' or '}'");
}

static void scan_header(Scan *s)
{
    expect(s, '{', "'{'");
    if (!accept(s, '}')) {
        do {
            const char *name = scan_string(s, "the name of a tensor");
            expect(s, ':', "':'");
            if (!strcmp(name, "__metadata__"))
                scan_metadata(s);
            else
                scan_tensor(s, name);
        } while (accept(s, ','));
        expect(s, '}', "',' or '}'");
    }
    skip_space(s);
    if (s->at < s->end)
        expected(s, "nothing after the header's '}'");
}

/* ---- the whole file
 * -----------------------------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const StTensor *)a)->name, ((const StTensor *)b)->name);
}

static int by_place(const void *a, const void *b)
{
    const StTensor *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* empty ones first */
}

/* No holes, no overlaps, nothing after the last tensor. */
static void check_places(const StFile *f, const char *data)
{
    const char *at = data, *end = (const char *)f->map + f->map_bytes, *before = NULL;
    qsort(f->tensors, f->n, sizeof *f->tensors, by_place);
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
    Scan s = {.f = f, .begin = begin, .at = begin, .end = begin + header};
    scan_header(&s);
    check_places(f, s.end);
    qsort(f->tensors, f->n, sizeof *f->tensors, by_name);
    for (size_t i = 1; i < f->n; i++)
        if (!by_name(&f->tensors[i - 1], &f->tensors[i]))
            err("%s: tensor \"%s\" is there twice", f->path, f->tensors[i].name);
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

StFile *st_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        err("%s: not a file, expected a .safetensors file", path);
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

void st_close(StFile *f) { arena_free(f->arena); }
