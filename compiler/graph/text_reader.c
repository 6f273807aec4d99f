/* See text_reader.h. */
#include "text_reader.h"
#include "err.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TextReader text_reader(const char *text, const char *file)
{
    return (TextReader){
        .file = file, .p = text, .line_start = text, .line = 1, .scratch = arena_new()};
}

void text_end(TextReader *t) { arena_free(t->scratch); }

void text_fail(const TextReader *t, const char *expected)
{
    char found[24];
    size_t n = 0;
    while (n < sizeof found - 1 && t->p[n] && t->p[n] != '\n' &&
           (n == 0 || !isspace((unsigned char)t->p[n]))) {
        found[n] = t->p[n];
        n++;
    }
    found[n] = 0;
    err("%s:%d:%d: found %s%s%s, expected %s", t->file, t->line, (int)(t->p - t->line_start) + 1,
        n ? "'" : "",
        n       ? found
        : *t->p ? "end of line"
                : "end of file",
        n ? "'" : "", expected);
}

void text_blanks(TextReader *t)
{
    while (*t->p == ' ' || *t->p == '\t' || *t->p == '\r')
        t->p++;
}

/* A mistake whose message says itself what was found, at `at` in this line. */
void text_fail_at(const TextReader *t, const char *at, const char *message)
{
    err("%s:%d:%d: %s", t->file, t->line, (int)(at - t->line_start) + 1, message);
}

/* Skips the end of this line, empty lines and comments (# to the end of the line). False at the end
 * of the text. */
bool text_next_line(TextReader *t)
{
    for (;;) {
        text_blanks(t);
        if (*t->p == '#')
            t->p += strcspn(t->p, "\n");
        if (*t->p != '\n')
            return *t->p != 0;
        t->p++;
        t->line++;
        t->line_start = t->p;
    }
}

bool text_accept(TextReader *t, const char *token)
{
    text_blanks(t);
    size_t n = strlen(token);
    if (strncmp(t->p, token, n) != 0)
        return false;
    t->p += n;
    return true;
}

void text_expect(TextReader *t, const char *token)
{
    if (!text_accept(t, token))
        text_fail(t, arena_printf(t->scratch, "'%s'", token));
}

const char *text_word(TextReader *t, const char *what)
{
    text_blanks(t);
    size_t n = 0;
    while (isalnum((unsigned char)t->p[n]) || t->p[n] == '_')
        n++;
    if (n == 0)
        text_fail(t, what);
    char *s = arena_alloc(t->scratch, n + 1);
    memcpy(s, t->p, n);
    t->p += n;
    return s;
}

const char *text_quoted(TextReader *t)
{
    text_blanks(t);
    if (*t->p != '"')
        text_fail(t, "a quoted path");
    size_t n = 0;
    char *s = arena_alloc(t->scratch,
                          strcspn(t->p, "\n") + 1); /* a path never goes over the line's end */
    for (t->p++; *t->p != '"'; t->p++) {
        if (*t->p == '\\' && (t->p[1] == '"' || t->p[1] == '\\'))
            t->p++;
        if ((unsigned char)*t->p < 0x20)
            text_fail(t, "'\"'");
        s[n++] = *t->p;
    }
    t->p++;
    return s;
}

int64_t text_integer(TextReader *t, int64_t least, int64_t most)
{
    text_blanks(t);
    char *end;
    if (!isdigit((unsigned char)*t->p) && *t->p != '-')
        text_fail(t, "an integer");
    long long v = strtoll(t->p, &end, 10);
    if (end == t->p || v < least || v > most)
        text_fail(t, arena_printf(t->scratch, "an integer from %lld to %lld", (long long)least,
                                  (long long)most));
    t->p = end;
    return v;
}

double text_real(TextReader *t)
{
    text_blanks(t);
    char *end;
    double v = strtod(t->p, &end);
    if (end == t->p || !isfinite(v))
        text_fail(t, "a number");
    t->p = end;
    return v;
}

Shape text_shape(TextReader *t)
{
    Shape s = {0};
    text_expect(t, "[");
    const char *start = t->p;
    do {
        if (s.rank == MAX_RANK)
            text_fail(t, "at most 4 dimensions");
        s.dim[s.rank++] = text_integer(t, 1, (int64_t)1 << 40);
    } while (text_accept(t, ","));
    text_expect(t, "]");
    const char *wrong = shape_check(t->scratch, &s);
    if (wrong)
        text_fail_at(t, start - 1, wrong);
    return s;
}

Dtype text_dtype(TextReader *t)
{
    if (text_accept(t, "i32"))
        return DT_I32;
    if (!text_accept(t, "f32"))
        text_fail(t, "f32 or i32");
    return DT_F32;
}

/* w"path"[shape], or w("a"[width]*scale+"b"[width])[shape]; the 'w' is read already. */
TensorId text_weight(TextReader *t, Graph *g)
{
    TensorId parts[64];
    double scale[64];
    int64_t width[64];
    const char *path[64];
    int n = 0;
    if (!text_accept(t, "(")) {
        const char *only = text_quoted(t);
        return graph_add_weight(g, only, text_shape(t));
    }
    const char *start = t->p - 1;
    do {
        if (n == 64)
            text_fail(t, "at most 64 parts");
        path[n] = text_quoted(t);
        text_expect(t, "[");
        width[n] = text_integer(t, 1, (int64_t)1 << 40);
        text_expect(t, "]");
        scale[n] = text_accept(t, "*") ? text_real(t) : 1;
        n++;
    } while (text_accept(t, "+"));
    text_expect(t, ")");
    Shape whole = text_shape(t);
    int64_t left = shape_channels(&whole);
    for (int i = 0; i < n; i++) {
        Shape s = whole;
        s.dim[s.rank - 1] = width[i];
        left -= width[i];
        parts[i] = graph_add_weight(g, path[i], s);
    }
    if (left != 0)
        text_fail_at(t, start,
                     "the widths of the parts differ in sum from the weight's, expected the same");
    return graph_add_weight_parts(g, parts, n, scale);
}

void text_end_of_line(TextReader *t)
{
    text_blanks(t);
    if (*t->p && *t->p != '\n' && *t->p != '#')
        text_fail(t, "end of line");
}
