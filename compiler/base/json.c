/* Reading JSON: see json.h. json_build.c changes and builds it. */
#include "json_doc.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "arena.h"
#include "err.h"
#include "files.h"
#include "json_python.h"
#include "words.h"

enum {
    MOST_KEYS = 1 << 20 /* a vocabulary has 50,000 names in one object */
};

static const char *const kind_names[] = {"null",     "true or false", "a number",
                                         "a string", "a list",        "an object"};

static const Adopted *adopted_find(const JsonDoc *doc, const cJSON *at)
{
    for (int i = 0; i < doc->n_adopted; i++)
        if (doc->adopted[i].node == at)
            return &doc->adopted[i];
    return NULL;
}

/* The place of `wanted`, which is `at`, at *here, or below it. False: it is not there. */
static bool find_place(const JsonDoc *doc, const cJSON *at, const void *wanted, Place *here)
{
    if (at == wanted)
        return true;
    const Place above = *here;
    int i = 0;
    for (const cJSON *c = at->child; c; c = c->next, i++) {
        const Adopted *from = adopted_find(doc, c);
        *here = from ? from->place
                     : (Place){above.file,
                               c->string
                                   ? arena_printf(doc->arena, "%s/%s", above.pointer, c->string)
                                   : arena_printf(doc->arena, "%s/%d", above.pointer, i)};
        if (find_place(doc, c, wanted, here))
            return true;
    }
    *here = above;
    return false;
}

Place json_place(Json j)
{
    Place p = {j.doc->file, ""};
    if (!j.node || !find_place(j.doc, j.doc->root, j.node, &p) || !*p.pointer)
        p = (Place){p.file, "/"};
    return p;
}

const char *json_pointer(Json j) { return json_place(j).pointer; }

const char *json_file(Json j) { return j.doc->n_adopted ? json_place(j).file : j.doc->file; }

void json_err(Json j, const char *fmt, ...)
{
    char message[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (j.doc->stands_for)
        err("%s: %s", j.doc->stands_for, message);
    Place p = json_place(j);
    err("%s: %s: %s", p.file, p.pointer, message);
}

typedef struct {
    cJSON *member;
    int place;
} Member;

static int by_key_and_place(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    int order = strcmp(x->member->string, y->member->string);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Keys that stand twice in one object would silently hide one another: an error. Of Python's files
 * the last one counts, as when Python reads them, and the others are removed. */
static void check_keys(const JsonDoc *doc, cJSON *at, bool python)
{
    int n = cJSON_GetArraySize(at), i = 0;
    if (n > MOST_KEYS)
        json_err((Json){doc, at}, "expected at most %d members", MOST_KEYS);
    Member *list = xmalloc(((size_t)n + 1) * sizeof *list);
    for (cJSON *c = at->child; c; c = c->next, i++)
        list[i] = (Member){c, i};
    qsort(list, (size_t)n, sizeof *list, by_key_and_place);
    for (i = 1; i < n; i++) {
        if (strcmp(list[i - 1].member->string, list[i].member->string))
            continue;
        if (!python)
            json_err((Json){doc, list[i].member},
                     "the name stands twice in one object, expected once");
        cJSON_Delete(cJSON_DetachItemViaPointer(at, list[i - 1].member));
    }
    free(list);
}

static void become_nan(cJSON *at)
{
    cJSON_free(at->valuestring);
    at->valuestring = NULL;
    at->type = cJSON_Number;
    at->valuedouble = NAN;
}

/* Names are there once. Numbers are finite; in Python's files those that are used (json_number). */
static void check_tree(const JsonDoc *doc, cJSON *at, bool python)
{
    if (cJSON_IsNumber(at) && !isfinite(at->valuedouble) && !python)
        json_err((Json){doc, at}, "the number is too large");
    if (cJSON_IsString(at) && !strcmp(at->valuestring, JSON_NAN) && python)
        become_nan(at);
    if (cJSON_IsObject(at))
        check_keys(doc, at, python);
    for (cJSON *c = at->child; c; c = c->next)
        check_tree(doc, c, python);
}

/* How many objects and arrays are open at that place. */
static int depth_at(const char *text, const char *at)
{
    int depth = 0;
    bool quoted = false;
    for (const char *p = text; p < at; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (quoted && *p == '\\')
            p++;
        else if (!quoted)
            depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
    }
    return depth;
}

static _Noreturn void parse_error(const char *text, size_t len, const char *at, const char *file)
{
    int line = 1;
    const char *line_start = text;
    if (!at || at < text || at > text + len)
        at = text + len;
    for (const char *p = text; p < at; p++)
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    char found[8] = "";
    if (at < text + len && isprint((unsigned char)*at))
        snprintf(found, sizeof found, "'%c'", *at);
    const char *what = *found            ? found
                       : at < text + len ? "a byte that JSON does not have here"
                                         : "the end of the file";
    if (depth_at(text, at) >= CJSON_NESTING_LIMIT)
        err("%s:%d: objects and arrays are nested deeper than %d levels", file, line,
            CJSON_NESTING_LIMIT);
    err("%s:%d:%d: found %s, expected JSON", file, line, (int)(at - line_start) + 1, what);
}

static Json parse(const char *text, size_t len, const char *file, bool python)
{
    if (len > 1 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
        err("%s: found text in UTF-16, expected JSON in UTF-8", file);
    const char *bad = memchr(text, 0, len);
    if (!bad)
        bad = json_control_character(text, len);
    if (bad)
        parse_error(text, len, bad, file);
    char *copy = xmalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    if (python)
        json_from_python(copy, len);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(copy, len + 1, &end, 1);
    size_t at = end ? (size_t)(end - copy) : len;
    free(copy);
    if (!root)
        parse_error(text, len, text + at, file);
    Json j = json_document(file, root);
    check_tree(j.doc, root, python);
    return j;
}

Json json_parse(const char *text, size_t len, const char *file)
{
    return parse(text, len, file, false);
}

Json json_parse_python(const char *text, size_t len, const char *file)
{
    return parse(text, len, file, true);
}

static Json load(const char *path, bool python)
{
    size_t len;
    char *text = read_file(path, &len);
    Json j = parse(text, len, path, python);
    free(text);
    return j;
}

Json json_load(const char *path) { return load(path, false); }
Json json_load_python(const char *path) { return load(path, true); }

void json_free(Json root)
{
    if (root.doc)
        arena_free(root.doc->arena);
}

JsonKind json_kind(Json j)
{
    const cJSON *n = node(j);
    if (cJSON_IsBool(n))
        return JSON_BOOL;
    if (cJSON_IsNumber(n))
        return JSON_NUMBER;
    if (cJSON_IsString(n))
        return JSON_STRING;
    if (cJSON_IsArray(n))
        return JSON_ARRAY;
    return cJSON_IsObject(n) ? JSON_OBJECT : JSON_NULL;
}

void json_expect(Json j, JsonKind kind)
{
    if (json_kind(j) != kind)
        json_err(j, "found %s, expected %s", kind_names[json_kind(j)], kind_names[kind]);
}

Json json_get(Json object, const char *key)
{
    json_expect(object, JSON_OBJECT);
    return (Json){object.doc, cJSON_GetObjectItemCaseSensitive(node(object), key)};
}

Json json_need(Json object, const char *key)
{
    Json j = json_get(object, key);
    if (!json_ok(j))
        json_err(object, "\"%s\" is missing", key);
    return j;
}

Json json_first(Json j) { return (Json){j.doc, node(j)->child}; }
Json json_next(Json j) { return (Json){j.doc, node(j)->next}; }
int json_count(Json j) { return cJSON_GetArraySize(node(j)); }
const char *json_key(Json member) { return node(member)->string; }

const char *json_string(Json j)
{
    json_expect(j, JSON_STRING);
    return node(j)->valuestring;
}

static bool is_name(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

const char *json_name(Json j)
{
    if (!is_name(json_string(j)))
        json_err(j, "found \"%s\", expected a name of letters, digits and _", json_string(j));
    return json_string(j);
}

void json_check_name(Json member)
{
    if (!is_name(json_key(member)))
        json_err(member, "expected a name of letters, digits and _");
}

/* As Python writes them. */
static const char *not_finite(double v)
{
    return isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
}

double json_number(Json j)
{
    json_expect(j, JSON_NUMBER);
    if (!isfinite(node(j)->valuedouble))
        json_err(j, "found %s, expected a finite number", not_finite(node(j)->valuedouble));
    return node(j)->valuedouble;
}

bool json_is_int(Json j)
{
    if (json_kind(j) != JSON_NUMBER)
        return false;
    double v = node(j)->valuedouble;
    return v == floor(v) && fabs(v) <= EXACT;
}

int64_t json_int(Json j, int64_t least, int64_t most)
{
    double v = json_number(j);
    if (!json_is_int(j))
        json_err(j, "found %g, expected an integer", v);
    if (v < (double)least || v > (double)most)
        json_err(j, "found %.0f, expected %lld to %lld", v, (long long)least, (long long)most);
    return (int64_t)v;
}

bool json_bool(Json j)
{
    json_expect(j, JSON_BOOL);
    return cJSON_IsTrue(node(j));
}

const char *json_text(Json j)
{
    if (cJSON_IsNumber(node(j)) && !isfinite(node(j)->valuedouble))
        return not_finite(node(j)->valuedouble);
    char *text = cJSON_PrintUnformatted(node(j));
    if (!text)
        err("out of memory for JSON");
    const char *copy = arena_strdup(j.doc->arena, text);
    cJSON_free(text);
    return copy;
}

void json_only(Json object, const char *const *keys, size_t n)
{
    json_expect(object, JSON_OBJECT);
    for (Json m = json_first(object); json_ok(m); m = json_next(m)) {
        /* every object may have a remark */
        if (strcmp(json_key(m), "about") == 0 || name_find(json_key(m), NAMES(keys, n)) >= 0)
            continue;
        json_err(m, "unknown name: %s", name_hint(json_key(m), NAMES(keys, n)));
    }
}
