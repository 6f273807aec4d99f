/* See include.h. */
#include "include.h"

#include <string.h>

#include "arena.h"

enum { MOST_DEPTH = 16, MOST_FILES = 64 };

/* A file that is being read, and those that include it. */
typedef struct Chain {
    const char *file;
    const struct Chain *above;
    int depth;
} Chain;

typedef struct {
    IncludeLoad *load;
    void *context;
    Arena *arena;
    int files;
} Includes;

/* Sections whose members are taken one by one; of the others the file's own replaces the whole. */
static bool by_member(const char *section)
{
    static const char *const names[] = {"parameters", "derived", "inputs", "outputs", "blocks"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(section, names[i]) == 0)
            return true;
    return false;
}

/* What concerns one file alone. */
static bool of_the_file(const char *section)
{
    return !strcmp(section, "include") || !strcmp(section, "$schema") || !strcmp(section, "about");
}

/* ---- one document over another ---- */

/* Whether the file itself has this member: then what it includes is replaced. */
static bool own_has(Json own, const char *section, const char *name)
{
    Json s = json_get(own, section);
    if (!name || !json_ok(s))
        return json_ok(s);
    return json_kind(s) == JSON_OBJECT && json_ok(json_get(s, name));
}

/* A member that is not the file's own. It may be there already from a file that was included in two
 * ways, else it stands in two files. */
static void take_included(Json into, Json member, bool replaced)
{
    Json old = json_get(into, json_key(member));
    if (json_ok(old) && !replaced &&
        (strcmp(json_file(old), json_file(member)) ||
         strcmp(json_pointer(old), json_pointer(member))))
        json_err(member, "the name stands in %s too, expected it in one of the included files",
                 json_file(old));
    if (!json_ok(old))
        json_adopt(into, json_key(member), member);
}

/* Everything of an included document. */
static void take_all_included(Json into, Json from, Json own)
{
    for (Json s = json_first(from); json_ok(s); s = json_next(s)) {
        const char *section = json_key(s);
        if (of_the_file(section))
            continue;
        if (strcmp(section, "constraints") == 0 && json_kind(s) == JSON_ARRAY) {
            for (Json c = json_first(s); json_ok(c); c = json_next(c))
                json_adopt(json_array_at(into, section), NULL, c);
            continue;
        }
        if (!by_member(section)) {
            take_included(into, s, own_has(own, section, NULL));
            continue;
        }
        json_expect(s, JSON_OBJECT);
        for (Json m = json_first(s); json_ok(m); m = json_next(m))
            take_included(json_object_at(into, section), m, own_has(own, section, json_key(m)));
    }
}

/* Everything of the file itself. */
static void take_own(Json into, Json own)
{
    for (Json s = json_first(own); json_ok(s); s = json_next(s)) {
        const char *section = json_key(s);
        if (strcmp(section, "include") == 0)
            continue;
        Json there = json_get(into, section);
        bool list = strcmp(section, "constraints") == 0 && json_kind(s) == JSON_ARRAY;
        if (!json_ok(there) || !(list || by_member(section))) {
            json_adopt(into, section, s);
            continue;
        }
        if (!list)
            json_expect(s, JSON_OBJECT);
        for (Json m = json_first(s); json_ok(m); m = json_next(m))
            json_adopt(there, json_key(m), m);
    }
}

/* ---- files ---- */

static const char *beside(Arena *a, const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');
    if (*name == '/' || !slash)
        return name;
    return arena_printf(a, "%.*s%s", (int)(slash - file) + 1, file, name);
}

static Json with_includes(Includes *x, Json root, const Chain *chain);

static Json read_included(Includes *x, Json at, const Chain *chain)
{
    const char *name = json_string(at);
    if (!*name)
        json_err(at, "found an empty text, expected the name of a file");
    if (chain->depth == MOST_DEPTH)
        json_err(at, "files include each other more than %d deep", MOST_DEPTH);
    if (++x->files > MOST_FILES)
        json_err(at, "more than %d files are included", MOST_FILES);
    Json doc = x->load(x->context, at, beside(x->arena, chain->file, name));
    const char *file = arena_strdup(x->arena, json_file(doc));
    for (const Chain *c = chain; c; c = c->above)
        if (strcmp(c->file, file) == 0)
            json_err(at, "cycle: %s includes itself", file);
    const Chain here = {file, chain, chain->depth + 1};
    json_expect(doc, JSON_OBJECT);
    if (json_ok(json_get(doc, "pipeline")) && !json_ok(json_get(doc, "graph")))
        json_err(at, "%s is a pipeline, expected a graph or a file with blocks", file);
    return with_includes(x, doc, &here);
}

static Json with_includes(Includes *x, Json root, const Chain *chain)
{
    if (json_kind(root) != JSON_OBJECT)
        return root;
    Json list = json_get(root, "include");
    if (!json_ok(list))
        return root;
    Json whole = json_new_object(json_file(root));
    bool one = json_kind(list) == JSON_STRING;
    if (!one)
        json_expect(list, JSON_ARRAY);
    for (Json at = one ? list : json_first(list); json_ok(at);
         at = one ? (Json){0} : json_next(at)) {
        Json doc = read_included(x, at, chain);
        take_all_included(whole, doc, root);
        json_free(doc);
    }
    take_own(whole, root);
    json_free(root);
    return whole;
}

Json graph_include(Json root, IncludeLoad *load, void *context)
{
    Includes x = {.load = load, .context = context, .arena = arena_new()};
    const Chain chain = {.file = arena_strdup(x.arena, json_file(root))};
    Json whole = with_includes(&x, root, &chain);
    arena_free(x.arena);
    return whole;
}
