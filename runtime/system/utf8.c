/* See utf8.h. */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

size_t lrt_utf8_decode(const char *text, size_t n, uint32_t *c)
{
    const unsigned char *s = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80       ? 1
                    : s[0] >> 5 == 6  ? 2
                    : s[0] >> 4 == 14 ? 3
                    : s[0] >> 3 == 30 ? 4
                                      : 0;
    if (!length || length > n)
        return 0;
    *c = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        *c = *c << 6 | (s[i] & 0x3f);
    }
    bool surrogate = *c >= 0xD800 && *c < 0xE000;
    return *c < least[length] || *c > 0x10FFFF || surrogate ? 0 : length;
}

int lrt_utf8_encode(uint32_t c, char out[4])
{
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    out[0] = (char)(first[more] | c >> (6 * more));
    for (int i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
    return 1 + more;
}

char *lrt_utf8_guess(const char *text, size_t n)
{
    n = strnlen(text, n);
    char *out = malloc(2 * n + 1), *o = out;
    if (!out)
        return NULL;
    memcpy(out, text, n);
    out[n] = '\0';
    if (lrt_utf8_valid(out))
        return out;
    for (size_t i = 0; i < n; i++)
        o += lrt_utf8_encode((unsigned char)text[i], o);
    *o = '\0';
    return out;
}

bool lrt_utf8_valid(const char *text)
{
    size_t n = strlen(text), length = 1;
    uint32_t c;
    for (; n && length; text += length, n -= length)
        length = lrt_utf8_decode(text, n, &c);
    return length;
}

void lrt_utf8_trim(char *text)
{
    size_t n = strlen(text), tail = 0;
    while (tail < 3 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xc0) == 0x80)
        tail++;
    unsigned char first = tail < n ? (unsigned char)text[n - 1 - tail] : 0;
    size_t whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (tail + 1 < whole)
        text[n - 1 - tail] = '\0';
}

const char *lrt_brief(lrt_brief_text *out, const char *text)
{
    size_t n = strnlen(text, LRT_BRIEF + 1);
    memcpy(out->text, text, n < LRT_BRIEF ? n : LRT_BRIEF);
    out->text[n < LRT_BRIEF ? n : LRT_BRIEF] = '\0';
    if (n > LRT_BRIEF) {
        lrt_utf8_trim(out->text);
        strcat(out->text, "...");
    }
    return out->text;
}

/* Control characters (C0, DEL, C1), Unicode's Bidi_Control, and separators of lines. */
static bool is_plain(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x61c && c != 0x200e && c != 0x200f &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* The next character as it is shown: n of its bytes are left. Returns how many it takes. */
static size_t show_one(const char *s, size_t n, char out[8])
{
    static const char letters[] = "\t\n\r", names[] = "tnr";
    uint32_t c = 0;
    size_t length = lrt_utf8_decode(s, n, &c);
    const char *letter = length == 1 && c ? strchr(letters, (int)c) : NULL;
    if (length && is_plain(c))
        snprintf(out, 8, "%.*s", (int)length, s);
    else if (letter)
        snprintf(out, 8, "\\%c", names[letter - letters]);
    else if (length > 1)
        snprintf(out, 8, "\\u%04x", (unsigned)c & 0xffff);
    else
        snprintf(out, 8, "\\x%02x", (unsigned)(unsigned char)*s);
    return length ? length : 1;
}

void lrt_plain(char *out, size_t size, const char *text)
{
    size_t used = 0, n = strlen(text);
    for (char one[8]; n > 0;) {
        size_t length = show_one(text, n, one), bytes = strlen(one);
        if (used + bytes >= size)
            break;
        memcpy(out + used, one, bytes);
        used += bytes;
        text += length;
        n -= length;
    }
    out[used] = '\0';
}

void lrt_put_plain(FILE *out, const char *text, size_t n)
{
    for (char one[8]; n > 0;) {
        size_t length = show_one(text, n, one);
        fputs(one, out);
        text += length;
        n -= length;
    }
}
