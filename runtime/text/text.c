/* See text.h. */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "grow.h"
#include "utf8.h"

void lrt_text_add(lrt_text *t, uint32_t c)
{
    if (t->n == t->cap && !t->failed) {
        uint32_t *data = lrt_grown(t->data, &t->cap, sizeof *data);
        if (data)
            t->data = data;
        else
            t->failed = true;
    }
    if (!t->failed)
        t->data[t->n++] = c;
}

bool lrt_text_decode(const char *s, size_t n, lrt_text *out, lrt_error *e)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t length = lrt_utf8_decode(s + i, n - i, &c);
        if (!length)
            return lrt_fail(e, "not valid UTF-8: byte %zu is 0x%02x", i, (unsigned char)s[i]);
        lrt_text_add(out, c);
        i += length;
    }
    return out->failed ? lrt_fail(e, "out of memory") : true;
}

/* clang-format off */
static const struct {
    const char *name;
    uint32_t a, b;
} entities[] = {
/* clang-format on */
#define E(name, a, b) {name, a, b},
#include "entities.def"
#undef E
};

/* Index of the entity whose name is s[0..n), or -1. */
static int find_entity(const char *s, size_t n)
{
    int lo = 0, hi = (int)(sizeof entities / sizeof *entities) - 1;
    while (lo <= hi) {
        int mid = (lo + hi) / 2, order = strncmp(s, entities[mid].name, n);
        if (!order && entities[mid].name[n])
            order = -1;
        if (!order)
            return mid;
        if (order < 0)
            hi = mid - 1;
        else
            lo = mid + 1;
    }
    return -1;
}

/* The code point of a numeric reference, as HTML 5 says; 0: none. */
static uint32_t numeric_reference(uint64_t v)
{
    static const uint16_t windows_1252[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    if (v == 0 || (v >= 0xD800 && v < 0xE000) || v > 0x10FFFF)
        return 0xFFFD;
    if (v >= 0x80 && v < 0xA0)
        return windows_1252[v - 0x80];
    bool control = v < 0x20 && v != '\t' && v != '\n' && v != '\f' && v != '\r';
    bool not_a_character = (v >= 0xFDD0 && v <= 0xFDEF) || (v & 0xFFFE) == 0xFFFE;
    return control || v == 0x7F || not_a_character ? 0 : (uint32_t)v;
}

static int digit_value(uint32_t c)
{
    return c >= '0' && c <= '9'   ? (int)(c - '0')
           : c >= 'a' && c <= 'f' ? (int)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (int)(c - 'A') + 10
                                  : 99;
}

/* Appends the numeric reference whose '#' is s[0]. Returns its length, with the semicolon; 0 when
 * it is none. */
static size_t unescape_number(const uint32_t *s, size_t n, lrt_text *out)
{
    size_t i = 1;
    int base = 10;
    if (i < n && (s[i] == 'x' || s[i] == 'X')) {
        base = 16;
        i++;
    }
    size_t digits = i;
    uint64_t v = 0;
    for (; i < n && digit_value(s[i]) < base; i++)
        if (v <= 0x10FFFF)
            v = v * (uint64_t)base + (uint64_t)digit_value(s[i]);
    if (i == digits)
        return 0;
    uint32_t c = numeric_reference(v);
    if (c)
        lrt_text_add(out, c);
    return i < n && s[i] == ';' ? i + 1 : i;
}

/* Appends the named reference that may begin at s, after '&': the longest known name. Returns its
 * length; 0 when there is none. */
static size_t unescape_name(const uint32_t *s, size_t n, lrt_text *out)
{
    enum { LONGEST = 32 };
    char name[LONGEST + 2];
    size_t length = 0;
    /* Names have only ASCII letters, digits and, at the end, the semicolon. */
    while (
        length < n && length < LONGEST && s[length] < 0x80 &&
        (digit_value(s[length]) < 10 || ((s[length] | 0x20) >= 'a' && (s[length] | 0x20) <= 'z'))) {
        name[length] = (char)s[length];
        length++;
    }
    size_t whole = length;
    if (length < n && s[length] == ';')
        name[whole++] = ';';
    for (size_t k = whole; k > 1; k--) {
        int found = find_entity(name, k);
        if (found >= 0) {
            lrt_text_add(out, entities[found].a);
            if (entities[found].b)
                lrt_text_add(out, entities[found].b);
            return k;
        }
    }
    return 0;
}

void lrt_html_unescape(const lrt_text *in, lrt_text *out)
{
    for (size_t i = 0; i < in->n;) {
        size_t used = 0;
        if (in->data[i] == '&' && i + 1 < in->n) {
            const uint32_t *s = in->data + i + 1;
            used = s[0] == '#' ? unescape_number(s, in->n - i - 1, out)
                               : unescape_name(s, in->n - i - 1, out);
        }
        if (!used)
            lrt_text_add(out, in->data[i]);
        i += 1 + used;
    }
}

/* The property White_Space: what \s matches. */
static bool is_white_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* Python's str.isspace: four more separators. */
static bool is_python_space(uint32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

static void strip(lrt_text *t)
{
    size_t begin = 0;
    while (begin < t->n && is_python_space(t->data[begin]))
        begin++;
    while (t->n > begin && is_python_space(t->data[t->n - 1]))
        t->n--;
    t->n -= begin;
    if (begin)
        memmove(t->data, t->data + begin, t->n * sizeof *t->data);
}

static void collapse_white_space(lrt_text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!is_white_space(t->data[i]))
            t->data[n++] = t->data[i];
        else if (i == 0 || !is_white_space(t->data[i - 1]))
            t->data[n++] = ' ';
        /* data[i - 1] may be overwritten already, but then by a space: the test holds. */
    }
    t->n = n;
}

/* Unicode's Case_Ignorable: these categories, and punctuation that may be inside a word. */
static bool is_case_ignorable(uint32_t c)
{
    static const uint16_t inside_words[] = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                            0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                            0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
    for (size_t i = 0; i < sizeof inside_words / sizeof *inside_words; i++)
        if (c == inside_words[i])
            return true;
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK;
}

/* Unicode's Cased, for characters that are not ignorable: letters with case, ordinal indicators,
 * Roman numerals, letters in circles and squares. */
static bool is_cased(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
           c == 0xAA || c == 0xBA || (c >= 0x2160 && c <= 0x217F) || (c >= 0x24B6 && c <= 0x24E9) ||
           (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
           (c >= 0x1F170 && c <= 0x1F189);
}

/* Whether the capital sigma at i ends a word and so becomes the final form: a cased letter is
 * before it and none after it. Ignorable characters are skipped. */
static bool is_final_sigma(const lrt_text *t, size_t i)
{
    size_t before = i, after = i + 1;
    while (before > 0 && is_case_ignorable(t->data[before - 1]))
        before--;
    if (before == 0 || !is_cased(t->data[before - 1]))
        return false;
    while (after < t->n && is_case_ignorable(t->data[after]))
        after++;
    return after == t->n || !is_cased(t->data[after]);
}

static void lower(const lrt_text *in, lrt_text *out)
{
    for (size_t i = 0; i < in->n; i++) {
        uint32_t c = in->data[i];
        if (c == 0x3A3) {
            lrt_text_add(out, is_final_sigma(in, i) ? 0x3C2 : 0x3C3);
        } else if (c == 0x130) { /* capital I with dot: the only character that becomes two */
            lrt_text_add(out, 'i');
            lrt_text_add(out, 0x307);
        } else {
            lrt_text_add(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        }
    }
}

/* Whether some character may change: the first one that composes is U+0300. */
static bool may_compose(const lrt_text *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->data[i] >= 0x300)
            return true;
    return false;
}

/* Decomposes, then composes in place. A character has at most 4 parts (Unicode's expansion factor
 * of NFD for UTF-32). */
void lrt_text_compose(const lrt_text *in, lrt_text *out)
{
    enum { PARTS = 4 };
    const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    bool may = may_compose(in);
    char *utf8 = may ? malloc(4 * in->n) : NULL;
    utf8proc_int32_t *parts = utf8 ? malloc((PARTS * in->n + 1) * sizeof *parts) : NULL;
    utf8proc_ssize_t n = 0, room = (utf8proc_ssize_t)(PARTS * in->n);
    for (size_t i = 0; parts && i < in->n; i++)
        n += lrt_utf8_encode(in->data[i], utf8 + n);
    if (parts)
        n = utf8proc_decompose((utf8proc_uint8_t *)utf8, n, parts, room, how);
    if (parts && n >= 0 && n <= room)
        n = utf8proc_normalize_utf32(parts, n, how);
    out->failed |= may && (!parts || n < 0 || n > room);
    for (size_t i = 0; !out->failed && i < (may ? (size_t)n : in->n); i++)
        lrt_text_add(out, may ? (uint32_t)parts[i] : in->data[i]);
    free(parts);
    free(utf8);
}

bool lrt_text_clean(const lrt_text *in, lrt_text *out, lrt_error *e)
{
    lrt_text once = {0}, twice = {0}, composed = {0};
    lrt_html_unescape(in, &once);
    lrt_html_unescape(&once, &twice);
    lrt_text_compose(&twice, &composed);
    strip(&composed);
    collapse_white_space(&composed);
    strip(&composed);
    lower(&composed, out);
    bool ok = !once.failed && !twice.failed && !composed.failed && !out->failed;
    free(once.data);
    free(twice.data);
    free(composed.data);
    return ok ? true : lrt_fail(e, "out of memory");
}
