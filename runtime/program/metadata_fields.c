/* See metadata_fields.h. */
#include "metadata_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_keys.h"
#include "scan.h"

enum { MOST_KEY = 60, MOST_NESTED = 1 << 16 };

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The length of the key at p, before its colon; 0 when there is none: a key begins with a letter
 * and has no brackets, quotes or commas. */
static size_t key_length(const char *p, const char *end)
{
    unsigned char first = p < end ? (unsigned char)*p : 0;
    size_t n = 0;
    if (first < 0x80 && !(first >= 'a' && first <= 'z') && !(first >= 'A' && first <= 'Z'))
        return 0;
    while (p + n < end && n <= MOST_KEY && !strchr(",:\"()[]{}\n", p[n]))
        n++;
    return n <= MOST_KEY && p + n < end && p[n] == ':' ? n : 0;
}

static const char *skip(const char *p, const char *end, const char *what)
{
    while (p < end && *p && strchr(what, *p))
        p++;
    return p;
}

/* Where the unquoted value at p ends. nested: brackets and the strings in them are skipped; then
 * NULL when one is not closed. */
static const char *value_end(const char *p, const char *end, bool nested)
{
    int depth = 0;
    bool text = false;
    for (const char *last = end - p > MOST_NESTED && nested ? p + MOST_NESTED : end; p < last; p++)
        if (text) {
            text = *p != '"';
            p += *p == '\\';
        } else if (depth && *p == '"') {
            text = true;
        } else if (nested && (*p == '(' || *p == '[' || *p == '{')) {
            depth++;
        } else if (*p == ')' || *p == ']' || *p == '}') {
            depth -= depth > 0;
        } else if (*p == ',' && !depth) {
            return p;
        }
    return nested && (depth || text || p < end) ? NULL : end;
}

/* A JSON string that fills the value; NULL when there is none, or it is damaged. */
static char *quoted_value(lrt_span *line)
{
    lrt_error why;
    const char *end = line->text + line->n;
    lrt_scan scan = {line->text, end, line->text, "", &why};
    char *value = *line->text == '"' ? lrt_scan_string(&scan) : NULL;
    const char *after = value ? skip(scan.p, end, " \t\r") : NULL;
    if (!value || (after < end && *after != ',')) {
        free(value);
        return NULL;
    }
    *line = (lrt_span){after, (size_t)(end - after)};
    return value;
}

bool lrt_record_next(lrt_span *line, lrt_record_field *field)
{
    const char *end = line->text + line->n, *p = skip(line->text, end, " \t\r,");
    if (p == end)
        return false;
    size_t n = key_length(p, end);
    snprintf(field->key, sizeof field->key, "%.*s", (int)n, p);
    p = n ? skip(p + n + 1, end, " \t") : p;
    *line = (lrt_span){p, (size_t)(end - p)};
    field->value = n && p < end ? quoted_value(line) : NULL;
    if (field->value)
        return true;
    const char *nested = value_end(p, end, true), *to = nested ? nested : value_end(p, end, false);
    *line = (lrt_span){to, (size_t)(end - to)};
    while (to > p && is_space(to[-1]))
        to--;
    field->value = strndup(p, (size_t)(to - p));
    return true;
}

lrt_span lrt_record_line(lrt_span *rest)
{
    const char *feed = memchr(rest->text, '\n', rest->n);
    lrt_span line = {rest->text, feed ? (size_t)(feed - rest->text) : rest->n};
    rest->text += line.n + (feed != NULL);
    rest->n -= line.n + (feed != NULL);
    return line;
}

static bool begins(lrt_span line, const char *what)
{
    return line.n >= strlen(what) && !memcmp(line.text, what, strlen(what));
}

/* Whether the line has three fields or more, and "Steps" among them: programs that do not begin
 * with it. */
static bool has_steps(lrt_span line)
{
    static const char steps[] = "Steps";
    int n = 0;
    bool found = false;
    for (const char *p = line.text, *end = p + line.n; p < end; n++) {
        size_t key = key_length(p, end);
        found |= key == strlen(steps) && !memcmp(p, steps, key);
        n -= !key;
        p = memchr(p, ',', (size_t)(end - p));
        p = p ? skip(p, end, " ,") : end;
    }
    return found && n >= 3;
}

bool lrt_record_split(const char *text, lrt_record_parts *parts)
{
    lrt_span rest = {text, strlen(text)}, negative = {0};
    *parts = (lrt_record_parts){0};
    bool sure = false; /* a line that begins with "Steps:" */
    while (rest.n) {
        lrt_span line = lrt_record_line(&rest);
        bool here = begins(line, LRT_BEFORE_FIELDS);
        if (!here && (sure || !has_steps(line)))
            continue;
        sure |= here;
        parts->fields = line;
        parts->rest = rest;
    }
    if (!parts->fields.text)
        return false;
    rest = (lrt_span){text, (size_t)(parts->fields.text - text)};
    while (rest.n && !negative.text) {
        lrt_span line = lrt_record_line(&rest);
        if (begins(line, LRT_BEFORE_NEGATIVE))
            negative = line;
    }
    const char *end = negative.text ? negative.text : parts->fields.text;
    parts->prompt = (lrt_span){text, (size_t)(end - text) - (end > text)};
    if (!negative.text)
        return true;
    const char *from = negative.text + strlen(LRT_BEFORE_NEGATIVE);
    from += *from == ' ';
    parts->negative = (lrt_span){from, (size_t)(parts->fields.text - from) - 1};
    return true;
}
