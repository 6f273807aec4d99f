/* See exif.h. Exif 2.3 (JEITA CP-3451C): tags, types and the names of encodings. */
#include "exif.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

enum {
    TAG_ORIENTATION = 0x0112,
    TAG_EXIF = 0x8769, /* where the second directory is */
    TAG_COMMENT = 0x9286,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_UNDEFINED = 7,
    ENTRY = 12,   /* an entry of a directory: tag 2, type 2, count 4, value 4 bytes */
    ENCODING = 8, /* a comment begins with the name of its encoding */
};

typedef struct {
    const uint8_t *d;
    size_t n;
    bool little;
} Tiff;

/* Numbers at an offset; 0 behind the end. */
static uint32_t u16(const Tiff *t, size_t at)
{
    if (at > t->n || t->n - at < 2)
        return 0;
    const uint8_t *p = t->d + at;
    return t->little ? (uint32_t)(p[0] | p[1] << 8) : (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const Tiff *t, size_t at)
{
    uint32_t a = u16(t, at), b = u16(t, at + 2);
    return t->little ? a | b << 16 : a << 16 | b;
}

static bool open_tiff(Tiff *t, const uint8_t *d, size_t n)
{
    *t = (Tiff){d, n, n > 0 && d[0] == 'I'};
    return n >= 8 && (d[0] == 'I' || d[0] == 'M') && d[1] == d[0] && u16(t, 2) == 42;
}

/* The offset of a tag's entry in the directory at `at`; 0 when there is none. */
static size_t find_entry(const Tiff *t, size_t at, uint32_t tag)
{
    uint32_t entries = u16(t, at);
    for (at += 2; entries-- > 0 && at <= t->n && t->n - at >= ENTRY; at += ENTRY)
        if (u16(t, at) == tag)
            return at;
    return 0;
}

int lrt_exif_orientation(const uint8_t *data, size_t bytes)
{
    Tiff t;
    size_t at = open_tiff(&t, data, bytes) ? find_entry(&t, u32(&t, 4), TAG_ORIENTATION) : 0;
    uint32_t v = at && u16(&t, at + 2) == TYPE_SHORT ? u16(&t, at + 8) : 1;
    return v >= 1 && v <= 8 ? (int)v : 1;
}

/* ---- the comment, in ---- */

/* How many spaces and ends of lines a text has in that order. */
static size_t blanks(const uint8_t *p, size_t n, bool little)
{
    const Tiff t = {p, n, little};
    size_t found = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint32_t c = u16(&t, i);
        found += c == ' ' || c == '\n';
    }
    return found;
}

/* The order of a text is that of the block, but programs write either in either. A byte-order mark
 * says it; else the order without any space is wrong when the other one has some. */
static bool is_little(const uint8_t *p, size_t n, bool of_block)
{
    if (n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
        return p[0] == 0xff;
    return !blanks(p, n, of_block) && blanks(p, n, !of_block) ? !of_block : of_block;
}

static char *of_utf16(const uint8_t *p, size_t n, bool little)
{
    char *out = malloc(3 * (n / 2) + 1), *o = out;
    const Tiff t = {p, n, little};
    for (size_t i = 0; out && i + 1 < n; i += 2) {
        uint32_t c = u16(&t, i), low = u16(&t, i + 2);
        if (!c)
            break;
        if (c == 0xfeff && !i)
            continue;
        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        o += lrt_utf8_encode(c, o);
    }
    if (out)
        *o = '\0';
    return out;
}

char *lrt_exif_comment(const uint8_t *data, size_t bytes)
{
    Tiff t;
    size_t at = open_tiff(&t, data, bytes) ? find_entry(&t, u32(&t, 4), TAG_EXIF) : 0;
    at = at ? find_entry(&t, u32(&t, at + 8), TAG_COMMENT) : 0;
    size_t n = at ? u32(&t, at + 4) : 0, from = at ? u32(&t, at + 8) : 0;
    if (n < ENCODING || from > bytes || n > bytes - from)
        return NULL;
    const uint8_t *p = data + from;
    n -= ENCODING;
    if (!memcmp(p, "UNICODE", ENCODING))
        return of_utf16(p + ENCODING, n, is_little(p + ENCODING, n, t.little));
    if (!memcmp(p, "ASCII\0\0", ENCODING) || !memcmp(p, "\0\0\0\0\0\0\0", ENCODING))
        return lrt_utf8_guess((const char *)p + ENCODING, n);
    return NULL;
}

/* ---- the comment, out ---- */

static uint8_t *put16(uint8_t *o, uint32_t v)
{
    *o++ = (uint8_t)(v >> 8);
    *o++ = (uint8_t)v;
    return o;
}

static uint8_t *put32(uint8_t *o, uint32_t v) { return put16(put16(o, v >> 16), v & 0xffff); }

/* A directory with one entry, and no directory behind it. */
static uint8_t *put_directory(uint8_t *o, uint32_t tag, uint32_t type, uint32_t count,
                              uint32_t value)
{
    o = put16(put16(put16(o, 1), tag), type);
    return put32(put32(put32(o, count), value), 0);
}

static uint8_t *put_utf16(uint8_t *o, const char *text)
{
    uint32_t c;
    for (size_t n = strlen(text), length; n > 0; text += length, n -= length) {
        length = lrt_utf8_decode(text, n, &c);
        if (!length) {
            length = 1;
            c = 0xfffd;
        }
        if (c >= 0x10000) {
            o = put16(o, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        o = put16(o, c);
    }
    return o;
}

uint8_t *lrt_exif_with_comment(const char *comment, size_t *bytes)
{
    enum { DIRECTORY = 2 + ENTRY + 4, SECOND = 8 + DIRECTORY, TEXT = SECOND + DIRECTORY };
    uint8_t *block = malloc(TEXT + ENCODING + 2 * strlen(comment)), *o = block;
    if (!block)
        return NULL;
    uint8_t *end = put_utf16(block + TEXT + ENCODING, comment);
    memcpy(o, "MM", 2);
    o = put32(put16(o + 2, 42), 8);
    o = put_directory(o, TAG_EXIF, TYPE_LONG, 1, SECOND);
    o = put_directory(o, TAG_COMMENT, TYPE_UNDEFINED, (uint32_t)(end - block - TEXT), TEXT);
    memcpy(o, "UNICODE", ENCODING);
    *bytes = (size_t)(end - block);
    return block;
}
