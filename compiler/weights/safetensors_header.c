/* The header of a safetensors file: see safetensors.h. It has a fixed form, so it is scanned here
 * in one pass and not as a general JSON tree; messages give byte positions. */
#include <string.h>

#include "err.h"
#include "numbers.h"
#include "safetensors.h"

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

typedef struct {
    StFile *f;
    const char *begin, *at, *end;
    size_t cap, meta_cap;
} Scan;

/* The members of a tensor's entry. */
typedef struct {
    int dtype; /* index into dtypes, -1: absent */
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
    const char *close = s->at; /* no escape makes a string longer */
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

/* Fills t's type and data; err() unless its bytes agree with its shape and lie in the data. */
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
    ARENA_GROW(f->arena, f->tensors, f->n, s->cap);
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
        ARENA_GROW(f->arena, f->meta, f->n_meta, s->meta_cap);
        StMeta *m = &f->meta[f->n_meta++];
        m->key = scan_string(s, "a string");
        expect(s, ':', "':'");
        m->value = scan_string(s, "a string");
    } while (accept(s, ','));
    expect(s, '}', "',' or '}'");
}

void st_scan_header(StFile *f, const char *begin, const char *end)
{
    Scan scan = {.f = f, .begin = begin, .at = begin, .end = end}, *s = &scan;
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
