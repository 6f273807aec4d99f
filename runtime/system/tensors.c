/* See tensors.h. The header is an object of objects, strings, and arrays of integers. */
#include "tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "scan.h"
#include "input.h"

enum { HEADER_LIMIT = 100 << 20 };

static bool scan_integers(lrt_scan *s, int64_t *out, int most, int *n)
{
    *n = 0;
    if (!lrt_scan_take(s, '['))
        return lrt_scan_fail(s, "'['");
    if (lrt_scan_take(s, ']'))
        return true;
    do {
        int64_t v = 0;
        char c = lrt_scan_peek(s);
        if (c < '0' || c > '9' || *n == most)
            return lrt_scan_fail(s, "a short list of integers");
        while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
            if (v > (INT64_MAX - 9) / 10)
                return lrt_scan_fail(s, "an integer of 64 bits");
            v = v * 10 + (*s->p++ - '0');
        }
        out[(*n)++] = v;
    } while (lrt_scan_take(s, ','));
    return lrt_scan_take(s, ']') ? true : lrt_scan_fail(s, "',' or ']'");
}

static bool skip_metadata(lrt_scan *s)
{
    if (!lrt_scan_take(s, '{'))
        return lrt_scan_fail(s, "'{'");
    if (lrt_scan_take(s, '}'))
        return true;
    do {
        char *key = lrt_scan_string(s);
        bool colon = key && lrt_scan_take(s, ':');
        char *value = colon ? lrt_scan_string(s) : NULL;
        free(key);
        free(value);
        if (!value)
            return colon || !key ? false : lrt_scan_fail(s, "':'");
    } while (lrt_scan_take(s, ','));
    return lrt_scan_take(s, '}') ? true : lrt_scan_fail(s, "',' or '}'");
}

static size_t element_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } types[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                 {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U8", 1},   {"U16", 2},
                 {"U32", 4}, {"U64", 8}, {"BOOL", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(dtype, types[i].name))
            return types[i].bytes;
    return 0;
}

/* One tensor's object. offsets: begin and end of its data, counted from the end of the header. */
static bool scan_tensor(lrt_scan *s, lrt_tensor *t, int64_t offsets[2])
{
    int fields = 0, n;
    if (!lrt_scan_take(s, '{'))
        return lrt_scan_fail(s, "'{'");
    do {
        char *key = lrt_scan_string(s);
        if (!key)
            return false;
        bool ok = lrt_scan_take(s, ':') || lrt_scan_fail(s, "':'");
        if (ok && !strcmp(key, "dtype")) {
            char *dtype = lrt_scan_string(s);
            ok = dtype && (element_bytes(dtype) || lrt_scan_fail(s, "a known dtype"));
            if (ok)
                snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
            free(dtype);
            fields |= 1;
        } else if (ok && !strcmp(key, "shape")) {
            ok = scan_integers(s, t->dim, LRT_TENSOR_RANK, &t->rank);
            fields |= 2;
        } else if (ok && !strcmp(key, "data_offsets")) {
            ok = scan_integers(s, offsets, 2, &n) && (n == 2 || lrt_scan_fail(s, "two offsets"));
            fields |= 4;
        } else if (ok) {
            ok = lrt_scan_fail(s, "dtype, shape or data_offsets");
        }
        free(key);
        if (!ok)
            return false;
    } while (lrt_scan_take(s, ','));
    return lrt_scan_take(s, '}') && fields == 7
               ? true
               : lrt_scan_fail(s, "dtype, shape and data_offsets, then '}'");
}

static bool place_tensor(const lrt_scan *s, const char *path, lrt_tensor *t,
                         const int64_t offsets[2], size_t room)
{
    uint64_t bytes = element_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(bytes, (uint64_t)t->dim[i], &bytes))
            return lrt_fail(s->e, "%s: tensor '%s': its shape is too large", path, t->name);
    if (offsets[1] < offsets[0] || (uint64_t)offsets[1] > room)
        return lrt_fail(
            s->e,
            "%s: tensor '%s': bytes %lld to %lld are not in the file, which has %zu: truncated?",
            path, t->name, (long long)offsets[0], (long long)offsets[1], room);
    if ((uint64_t)(offsets[1] - offsets[0]) != bytes)
        return lrt_fail(s->e, "%s: tensor '%s': %lld bytes, but its shape needs %llu", path,
                        t->name, (long long)(offsets[1] - offsets[0]), (unsigned long long)bytes);
    t->data = s->end + offsets[0];
    t->bytes = (size_t)bytes;
    return true;
}

/* A member of the header: a tensor, whose name f then owns, or metadata, which is skipped. */
static bool scan_member(lrt_scan *s, const char *path, lrt_tensor_file *f, size_t room)
{
    int64_t offsets[2] = {0, 0};
    char *name = lrt_scan_string(s);
    bool ok = name && (lrt_scan_take(s, ':') || lrt_scan_fail(s, "':'"));
    if (!ok || !strcmp(name, "__metadata__")) {
        free(name);
        return ok && skip_metadata(s);
    }
    lrt_tensor *more = realloc(f->tensors, ((size_t)f->n + 1) * sizeof *more);
    if (!more) {
        free(name);
        return lrt_fail(s->e, "out of memory");
    }
    f->tensors = more;
    lrt_tensor *t = &f->tensors[f->n++];
    *t = (lrt_tensor){.name = name};
    return scan_tensor(s, t, offsets) && place_tensor(s, path, t, offsets, room);
}

static bool scan_header(lrt_scan *s, const char *path, lrt_tensor_file *f, size_t room)
{
    if (!lrt_scan_take(s, '{'))
        return lrt_scan_fail(s, "'{'");
    if (!lrt_scan_take(s, '}')) {
        do
            if (!scan_member(s, path, f, room))
                return false;
        while (lrt_scan_take(s, ','));
        if (!lrt_scan_take(s, '}'))
            return lrt_scan_fail(s, "',' or '}'");
    }
    return (lrt_scan_peek(s) == '\0' && s->p == s->end) ||
           lrt_scan_fail(s, "the end of the header");
}

static bool read_whole(const char *path, lrt_tensor_file *f, lrt_error *e)
{
    FILE *in = lrt_input_open(path, e);
    struct stat st;
    if (!in)
        return false;
    bool known = !fstat(fileno(in), &st);
    f->bytes = known ? (size_t)st.st_size : 0;
    f->data = malloc(f->bytes + 1);
    bool ok = known && f->data && fread(f->data, 1, f->bytes, in) == f->bytes;
    if (!ok)
        lrt_fail(e, "%s: %s", path, f->data ? "cannot be read" : "out of memory");
    fclose(in);
    return ok;
}

bool lrt_tensors_read(const char *path, lrt_tensor_file *f, lrt_error *e)
{
    *f = (lrt_tensor_file){.path = path};
    bool ok = read_whole(path, f, e);
    uint64_t header = 0;
    if (ok && f->bytes >= 8)
        for (int i = 7; i >= 0; i--)
            header = header << 8 | (unsigned char)f->data[i];
    if (ok && (f->bytes < 8 || header > HEADER_LIMIT || header > f->bytes - 8))
        ok = lrt_fail(e, "%s: not a safetensors file, or truncated: the header does not fit", path);
    if (ok) {
        char place[300];
        snprintf(place, sizeof place, "%.280s: header, byte", path);
        lrt_scan s = {f->data + 8, f->data + 8 + header, f->data, place, e};
        ok = scan_header(&s, path, f, f->bytes - 8 - (size_t)header);
    }
    if (!ok)
        lrt_tensors_free(f);
    return ok;
}

void lrt_tensors_free(lrt_tensor_file *f)
{
    for (int i = 0; i < f->n; i++)
        free(f->tensors[i].name);
    free(f->tensors);
    free(f->data);
    *f = (lrt_tensor_file){0};
}

static void shape_text(char *out, size_t room, int rank, const int64_t *dim)
{
    size_t n = (size_t)snprintf(out, room, "(");
    for (int i = 0; i < rank && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, i ? ",%lld" : "%lld", (long long)dim[i]);
    if (n < room)
        snprintf(out + n, room - n, ")");
}

const lrt_tensor *lrt_tensors_find(const lrt_tensor_file *f, const lrt_tensor_spec *want,
                                   lrt_error *e)
{
    const lrt_tensor *t = NULL;
    for (int i = 0; i < f->n && !t; i++)
        if (!strcmp(f->tensors[i].name, want->name))
            t = &f->tensors[i];
    char expected[128], found[128];
    shape_text(expected, sizeof expected, want->rank, want->dim);
    if (!t) {
        lrt_fail(e, "%s: no tensor '%s': expected %s %s", f->path, want->name, want->dtype,
                 expected);
        return NULL;
    }
    bool same = t->rank == want->rank && !strcmp(t->dtype, want->dtype);
    for (int i = 0; i < want->rank && same; i++)
        same = t->dim[i] == want->dim[i];
    shape_text(found, sizeof found, t->rank, t->dim);
    if (!same)
        lrt_fail(e, "%s: tensor '%s' is %s %s: expected %s %s", f->path, want->name, t->dtype,
                 found, want->dtype, expected);
    return same ? t : NULL;
}

static size_t spec_bytes(const lrt_tensor_spec *t)
{
    size_t bytes = element_bytes(t->dtype);
    for (int k = 0; k < t->rank; k++)
        bytes *= (size_t)t->dim[k];
    return bytes;
}

/* The header of n tensors, padded so that the data begin at a multiple of 8. malloc'd; NULL when
 * memory is short. */
static char *header_text(const lrt_tensor_spec *t, int n, size_t *length)
{
    char *text = NULL;
    size_t at = 0;
    FILE *h = open_memstream(&text, length);
    if (!h)
        return NULL;
    fputc('{', h);
    for (int i = 0; i < n; i++) {
        fprintf(h, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", t[i].name, t[i].dtype);
        for (int k = 0; k < t[i].rank; k++)
            fprintf(h, k ? ",%lld" : "%lld", (long long)t[i].dim[k]);
        fprintf(h, "],\"data_offsets\":[%zu,%zu]}", at, at + spec_bytes(&t[i]));
        at += spec_bytes(&t[i]);
    }
    fputc('}', h);
    while (ftell(h) % 8)
        fputc(' ', h);
    if (!fclose(h))
        return text;
    free(text);
    return NULL;
}

bool lrt_tensors_write(const char *path, const lrt_tensor_spec *t, int n, lrt_error *e)
{
    lrt_output out;
    size_t length;
    if (!lrt_output_open(&out, path, e))
        return false;
    char *header = header_text(t, n, &length);
    if (!header) {
        lrt_output_abandon(&out);
        return lrt_fail(e, "%s: out of memory", path);
    }
    for (int i = 0; i < 8; i++) /* the header's length, little-endian */
        fputc((int)(length >> (8 * i) & 0xff), out.stream);
    fwrite(header, 1, length, out.stream);
    for (int i = 0; i < n; i++)
        fwrite(t[i].data, 1, spec_bytes(&t[i]), out.stream);
    free(header);
    return lrt_output_commit(&out, e);
}
