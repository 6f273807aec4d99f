/* The header of a safetensors file: see safetensors.h. It has a fixed form, so it is scanned here
 * in one pass and not as a general JSON tree; messages give byte positions. */
#include <ctype.h>
#include <string.h>

#include "err.h"
#include "numbers.h"
#include "safetensors.h"

enum { MAX_DIMS = 8, MAX_DEPTH = 64, REPLACEMENT = 0xfffd };

/* The types of the format. Others are passed over: nothing is known of their size. */
/* clang-format off */
static const struct { const char *name; StDtype dtype; int bits; } dtypes[] = {
    {"F64", ST_F64, 64}, {"F32", ST_F32, 32}, {"F16", ST_F16, 16}, {"BF16", ST_BF16, 16}, {"I64", ST_I64, 64},
    {"I32", ST_I32, 32}, {"U8", ST_U8, 8}, {"F8_E4M3", ST_F8_E4M3, 8}, {"F8_E5M2", ST_F8_E5M2, 8},
    {"U64", ST_OTHER, 64}, {"U32", ST_OTHER, 32}, {"U16", ST_OTHER, 16}, {"I16", ST_OTHER, 16}, {"I8", ST_OTHER, 8},
    {"BOOL", ST_OTHER, 8}, {"C64", ST_OTHER, 64}, {"F8_E8M0", ST_OTHER, 8}, {"F8_E4M3FNUZ", ST_OTHER, 8},
    {"F8_E5M2FNUZ", ST_OTHER, 8}, {"F6_E2M3", ST_OTHER, 6}, {"F6_E3M2", ST_OTHER, 6}, {"F4", ST_OTHER, 4},
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
    int bits; /* of a number; 0: a type that is not known */
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
    unsigned c = scan_hex4(s), low = 0;
    const char *after = s->at;
    if (c >= 0xd800 && c < 0xdc00 && s->end - s->at >= 2 && s->at[0] == '\\' && s->at[1] == 'u') {
        s->at += 2;
        low = scan_hex4(s);
    }
    if (low >= 0xdc00 && low < 0xe000)
        return put_utf8(p, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
    s->at = after; /* what follows is a character of its own */
    return put_utf8(p, c == 0 || (c >= 0xd800 && c < 0xe000) ? REPLACEMENT : c);
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

static void skip_list(Scan *s, char close, bool names, int depth);

static const char *const words[] = {"null", "true", "false", "NaN", "Infinity", "-Infinity"};

/* A number, or one of the words. */
static void skip_word(Scan *s)
{
    const char *first = s->at;
    while (s->at < s->end && (isalnum((unsigned char)*s->at) || (*s->at && strchr("+-.", *s->at))))
        s->at++;
    size_t n = (size_t)(s->at - first);
    bool fine = n && (isdigit((unsigned char)*first) ||
                      (*first == '-' && n > 1 && isdigit((unsigned char)first[1])));
    for (size_t i = 0; i < sizeof words / sizeof words[0] && !fine; i++)
        fine = strlen(words[i]) == n && !memcmp(words[i], first, n);
    if (!fine) {
        s->at = first;
        expected(s, "a value");
    }
}

/* Any value, NaN and Infinity among them: nobody needs it. */
static void skip_value(Scan *s, int depth)
{
    skip_space(s);
    if (depth == MAX_DEPTH)
        expected(s, "fewer values inside one another");
    if (s->at < s->end && *s->at == '"') {
        scan_string(s, "a string");
    } else if (accept(s, '{')) {
        skip_list(s, '}', true, depth);
    } else if (accept(s, '[')) {
        skip_list(s, ']', false, depth);
    } else {
        skip_word(s);
    }
}

/* The rest of an object (names) or of a list, up to its end. */
static void skip_list(Scan *s, char close, bool names, int depth)
{
    if (accept(s, close))
        return;
    do {
        if (names) {
            scan_string(s, "a name");
            expect(s, ':', "':'");
        }
        skip_value(s, depth + 1);
    } while (accept(s, ','));
    expect(s, close, close == '}' ? "',' or '}'" : "',' or ']'");
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
    t->rank = 0;
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

/* Of a name that is there twice the last one counts. */
static void scan_field(Scan *s, StTensor *t, Entry *e)
{
    const char *key = scan_string(s, "\"dtype\", \"shape\" or \"data_offsets\"");
    expect(s, ':', "':'");
    if (!strcmp(key, "dtype")) {
        t->type = scan_string(s, "a dtype such as \"F32\"");
        t->dtype = ST_OTHER;
        e->bits = 0;
        for (size_t i = 0; i < N_DTYPES; i++)
            if (!strcmp(t->type, dtypes[i].name)) {
                t->dtype = dtypes[i].dtype;
                e->bits = dtypes[i].bits;
            }
    } else if (!strcmp(key, "shape")) {
        e->has_shape = true;
        scan_shape(s, t);
    } else if (!strcmp(key, "data_offsets")) {
        e->has_offsets = true;
        expect(s, '[', "'['");
        e->first = scan_number(s);
        expect(s, ',', "','");
        e->last = scan_number(s);
        expect(s, ']', "']'");
    } else {
        skip_value(s, 0);
    }
}

/* Fills t's type and data; err() unless its bytes agree with its shape and lie in the data. */
static void place_tensor(const Scan *s, StTensor *t, const Entry *e)
{
    const char *data = s->end;
    uint64_t available = (uint64_t)((const char *)s->f->map + s->f->map_bytes - data);
    if (!t->type || !e->has_shape || !e->has_offsets)
        err("%s: tensor \"%s\": \"%s\" is missing", s->f->path, t->name,
            !t->type        ? "dtype"
            : !e->has_shape ? "shape"
                            : "data_offsets");
    int64_t bits = e->bits;
    for (int i = 0; i < t->rank; i++)
        if (mul_overflow(bits, t->dim[i], &bits))
            err("%s: tensor \"%s\" has a shape whose size overflows", s->f->path, t->name);
    if (e->last > available)
        err("%s: tensor \"%s\" ends at byte %llu of the data, but the file has only %llu: truncated?",
            s->f->path, t->name, (unsigned long long)e->last, (unsigned long long)available);
    int64_t bytes = e->bits ? bits / 8 + (bits % 8 != 0) : (int64_t)(e->last - e->first);
    if (e->first > e->last || e->last - e->first != (uint64_t)bytes)
        err("%s: tensor \"%s\" has data_offsets [%llu,%llu], expected %lld bytes by its shape and dtype",
            s->f->path, t->name, (unsigned long long)e->first, (unsigned long long)e->last,
            (long long)bytes);
    t->data = data + e->first;
    t->bytes = (size_t)bytes;
}

static void scan_tensor(Scan *s, const char *name)
{
    StFile *f = s->f;
    ARENA_GROW(f->arena, f->tensors, f->n, s->cap);
    StTensor *t = &f->tensors[f->n++];
    *t = (StTensor){.name = name, .place = f->n};
    Entry e = {0};
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
    f->n_meta = 0;
    skip_space(s);
    if (s->at < s->end && *s->at != '{') { /* null, as some programs write it */
        skip_value(s, 0);
        return;
    }
    expect(s, '{', "'{'");
    if (accept(s, '}'))
        return;
    do {
        const char *key = scan_string(s, "a string");
        expect(s, ':', "':'");
        skip_space(s);
        if (s->at < s->end && *s->at != '"') { /* no text, which nobody here needs */
            skip_value(s, 0);
            continue;
        }
        ARENA_GROW(f->arena, f->meta, f->n_meta, s->meta_cap);
        f->meta[f->n_meta++] = (StMeta){key, scan_string(s, "a string")};
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
