/* See scan.h. */
#include "scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

bool lrt_scan_fail(lrt_scan *s, const char *expected)
{
    return lrt_fail(s->e, "%.200s %td: expected %s", s->place, s->p - s->begin, expected);
}

char lrt_scan_peek(lrt_scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
    return s->p < s->end ? *s->p : '\0';
}

bool lrt_scan_take(lrt_scan *s, char c)
{
    if (lrt_scan_peek(s) != c || s->p == s->end)
        return false;
    s->p++;
    return true;
}

/* The value of four hexadecimal digits at p; -1 when there are none. */
static int32_t hex4(const lrt_scan *s, const char *p)
{
    int32_t v = 0;
    if (s->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef",
                   *d = p[i] ? strchr(digits, p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i]) : NULL;
        if (!d)
            return -1;
        v = v * 16 + (int32_t)(d - digits);
    }
    return v;
}

/* Decodes what follows a backslash to *o. The result is never longer than the escape. */
static bool take_escape(lrt_scan *s, char **o)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = s->p < s->end && *s->p ? strchr(plain, *s->p) : NULL;
    if (found) {
        *(*o)++ = meant[found - plain];
        s->p++;
        return true;
    }
    int32_t c = s->p < s->end && *s->p == 'u' ? hex4(s, s->p + 1) : -1;
    if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
        return lrt_scan_fail(s, "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    s->p += 5;
    if (c >= 0xd800 && c < 0xdc00) {
        int32_t low = s->end - s->p > 1 && s->p[0] == '\\' && s->p[1] == 'u' ? hex4(s, s->p + 2)
                                                                             : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return lrt_scan_fail(s, "the second half of a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        s->p += 6;
    }
    *o += lrt_utf8_encode((uint32_t)c, *o);
    return true;
}

char *lrt_scan_string(lrt_scan *s)
{
    if (!lrt_scan_take(s, '"')) {
        lrt_scan_fail(s, "a string");
        return NULL;
    }
    const char *end = s->p;
    while (end < s->end && *end != '"')
        end += *end == '\\' ? 2 : 1;
    char *out = malloc((size_t)(end - s->p) + 1), *o = out;
    bool ok = out || lrt_fail(s->e, "out of memory");
    while (ok && s->p < s->end && *s->p != '"') {
        if ((unsigned char)*s->p < 0x20)
            ok = lrt_scan_fail(s, "no control character in a string");
        else if (*s->p == '\\')
            ok = (s->p++, take_escape(s, &o));
        else
            *o++ = *s->p++;
    }
    ok = ok && (s->p < s->end || lrt_scan_fail(s, "the string's end"));
    if (!ok) {
        free(out);
        return NULL;
    }
    *o = '\0';
    s->p++;
    return out;
}

static size_t digits(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* Length of the number at p; 0 when there is none. */
static size_t number_length(const char *p, const char *end)
{
    const char *q = p + (p < end && *p == '-');
    size_t n = digits(q, end);
    if (n == 0 || (n > 1 && *q == '0'))
        return 0;
    q += n;
    if (q < end && *q == '.') {
        n = digits(q + 1, end);
        if (n == 0)
            return 0;
        q += n + 1;
    }
    if (q < end && (*q == 'e' || *q == 'E')) {
        const char *exponent = q + 1 + (q + 1 < end && (q[1] == '+' || q[1] == '-'));
        n = digits(exponent, end);
        if (n == 0)
            return 0;
        q = exponent + n;
    }
    return (size_t)(q - p);
}

char *lrt_scan_scalar(lrt_scan *s)
{
    static const char *const words[] = {"true", "false"};
    if (lrt_scan_peek(s) == '"')
        return lrt_scan_string(s);
    size_t n = number_length(s->p, s->end);
    for (size_t i = 0; i < 2 && n == 0; i++)
        if ((size_t)(s->end - s->p) >= strlen(words[i]) &&
            !memcmp(s->p, words[i], strlen(words[i])))
            n = strlen(words[i]);
    char *out = n ? strndup(s->p, n) : NULL;
    if (n == 0)
        lrt_scan_fail(s, "a string, a number, true or false");
    else if (!out)
        lrt_fail(s->e, "out of memory");
    s->p += n;
    return out;
}

void lrt_scan_quote(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *s = text; *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*s);
        else
            fputc(*s, out);
    fputc('"', out);
}
