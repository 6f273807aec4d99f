/* JSON as Python's json module writes it: see json_python.h. */
#include "json_python.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool begins(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - at) >= n && !memcmp(at, word, n);
}

static bool in_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Does the word stand here alone, as a value? A name in front of ':' is none. */
static bool is_value(const char *text, const char *at, const char *end, const char *word)
{
    if (!begins(at, end, word) || (at > text && in_word(at[-1])))
        return false;
    const char *after = at + strlen(word);
    if (after < end && in_word(*after))
        return false;
    while (after < end && isspace((unsigned char)*after))
        after++;
    return after == end || *after != ':';
}

/* The four digits after "\u", or -1. */
static int code_unit(const char *at, const char *end)
{
    static const char digits[] = "0123456789abcdef";
    int v = 0;
    if (!begins(at, end, "\\u") || end - at < 6)
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *d = at[i] ? strchr(digits, tolower((unsigned char)at[i])) : NULL;
        if (!d)
            return -1;
        v = v * 16 + (int)(d - digits);
    }
    return v;
}

static bool is_high(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
static bool is_low(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

/* An escape, from its backslash on. Returns its end. */
static char *mend_escape(char *at, char *end)
{
    int unit = code_unit(at, end);
    if (unit < 0)
        return end - at < 2 ? end : at + 2;
    if (is_high(unit) && is_low(code_unit(at + 6, end)))
        return at + 12;
    if (is_high(unit) || is_low(unit) || unit == 0)
        memcpy(at, "\\ufffd", 6);
    return at + 6;
}

void json_from_python(char *text, size_t len)
{
    char *end = text + len;
    bool in_string = false;
    for (char *p = text; p < end;) {
        if (in_string && *p == '\\') {
            p = mend_escape(p, end);
            continue;
        }
        if (*p == '"')
            in_string = !in_string;
        else if (!in_string && is_value(text, p, end, "NaN"))
            memcpy(p, "\"" JSON_NAN "\"", 3), p += 2;
        else if (!in_string && is_value(text, p, end, "Infinity"))
            memcpy(p, "1e999999", 8), p += 7;
        p++;
    }
}

const char *json_control_character(const char *text, size_t len)
{
    const char *end = text + len;
    bool in_string = false;
    for (const char *p = text; p < end; p++) {
        if (in_string && *p == '\\')
            p++;
        else if (*p == '"')
            in_string = !in_string;
        else if (in_string && (unsigned char)*p < ' ')
            return p;
    }
    return NULL;
}
