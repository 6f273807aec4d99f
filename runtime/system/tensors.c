/* See tensors.h. The header is an object of objects, strings, and arrays of integers. */
#include "tensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "scan.h"

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

/* One tensor's object; offsets[2] counted from the end of the header. */
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

static bool scan_header(lrt_scan *s, const char *path, lrt_tensor_file *f, size_t room)
{
    if (!lrt_scan_take(s, '{'))
        return lrt_scan_fail(s, "'{'");
    if (!lrt_scan_take(s, '}')) {
        do {
            char *name = lrt_scan_string(s);
            bool ok = name && (lrt_scan_take(s, ':') || lrt_scan_fail(s, "':'"));
            if (ok && !strcmp(name, "__metadata__")) {
                ok = skip_metadata(s);
                free(name);
                name = NULL;
            } else if (ok) {
                lrt_tensor *more = realloc(f->tensors, ((size_t)f->n + 1) * sizeof *more);
                ok = more || lrt_fail(s->e, "out of memory");
                if (ok) {
                    int64_t offsets[2] = {0, 0};
                    f->tensors = more;
                    f->tensors[f->n] = (lrt_tensor){.name = name};
                    name = NULL;
                    f->n++;
                    ok = scan_tensor(s, &f->tensors[f->n - 1], offsets) &&
                         place_tensor(s, path, &f->tensors[f->n - 1], offsets, room);
                }
            }
            free(name);
            if (!ok)
                return false;
        } while (lrt_scan_take(s, ','));
        if (!lrt_scan_take(s, '}'))
            return lrt_scan_fail(s, "',' or '}'");
    }
    return lrt_scan_peek(s) == '\0' && s->p == s->end ? true
                                                      : lrt_scan_fail(s, "the end of the header");
}

static bool read_whole(const char *path, lrt_tensor_file *f, lrt_error *e)
{
    FILE *in = fopen(path, "rb");
    struct stat st;
    if (!in || fstat(fileno(in), &st)) {
        lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
        if (in)
            fclose(in);
        return false;
    }
    bool regular = S_ISREG(st.st_mode);
    f->bytes = regular ? (size_t)st.st_size : 0;
    f->data = malloc(f->bytes + 1);
    bool ok = regular && f->data && fread(f->data, 1, f->bytes, in) == f->bytes;
    if (!ok)
        lrt_fail(e, "%s: %s", path,
                 !regular   ? "not a file"
                 : !f->data ? "out of memory"
                            : "cannot be read");
    fclose(in);
    return ok;
}

bool lrt_tensors_read(const char *path, lrt_tensor_file *f, lrt_error *e)
{
    *f = (lrt_tensor_file){0};
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

const lrt_tensor *lrt_tensors_find(const lrt_tensor_file *f, const char *path, const char *name,
                                   const char *dtype, int rank, const int64_t *dim, lrt_error *e)
{
    const lrt_tensor *t = NULL;
    for (int i = 0; i < f->n && !t; i++)
        if (!strcmp(f->tensors[i].name, name))
            t = &f->tensors[i];
    char want[128], found[128];
    shape_text(want, sizeof want, rank, dim);
    if (!t) {
        lrt_fail(e, "%s: no tensor '%s': expected %s %s", path, name, dtype, want);
        return NULL;
    }
    bool same = t->rank == rank && !strcmp(t->dtype, dtype);
    for (int i = 0; i < rank && same; i++)
        same = t->dim[i] == dim[i];
    shape_text(found, sizeof found, t->rank, t->dim);
    if (!same)
        lrt_fail(e, "%s: tensor '%s' is %s %s: expected %s %s", path, name, t->dtype, found, dtype,
                 want);
    return same ? t : NULL;
}

bool lrt_tensors_write(const char *path, const lrt_tensor_out *t, int n, lrt_error *e)
{
    lrt_output out;
    if (!lrt_output_open(&out, path, e))
        return false;
    char *header = NULL;
    size_t length = 0;
    FILE *h = open_memstream(&header, &length);
    size_t *bytes = calloc((size_t)n + 1, sizeof *bytes), at = 0;
    if (!h || !bytes) {
        if (h)
            fclose(h);
        free(header);
        free(bytes);
        lrt_output_abandon(&out);
        return lrt_fail(e, "%s: out of memory", path);
    }
    fputc('{', h);
    for (int i = 0; i < n; i++) {
        fprintf(h, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", t[i].name, t[i].dtype);
        bytes[i] = 4;
        for (int k = 0; k < t[i].rank; k++) {
            fprintf(h, k ? ",%lld" : "%lld", (long long)t[i].dim[k]);
            bytes[i] *= (size_t)t[i].dim[k];
        }
        fprintf(h, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes[i]);
        at += bytes[i];
    }
    fputc('}', h);
    while (ftell(h) % 8) /* the data begins at a multiple of 8 */
        fputc(' ', h);
    fclose(h);
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> (8 * i) & 0xff), out.stream);
    fwrite(header, 1, length, out.stream);
    for (int i = 0; i < n; i++)
        fwrite(t[i].data, 1, bytes[i], out.stream);
    free(header);
    free(bytes);
    return lrt_output_commit(&out, e);
}
