/* schema_check SCHEMA.json FILE.json: is FILE what SCHEMA says? Exit code 1 and one line when it is
 * not. The part of JSON Schema that docs/bench-schema.json uses; an unknown keyword is a mistake,
 * so that nothing is silently not checked. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "json.h"

static Json resolve(Json root, const char *reference)
{
    if (strncmp(reference, "#/", 2) != 0)
        err("$ref: expected \"#/...\", found \"%s\"", reference);
    for (const char *p = reference + 2; *p; p += strcspn(p, "/"), p += *p == '/') {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(p, "/"), p);
        root = json_need(root, key);
    }
    return root;
}

static void check(Json root, Json schema, Json x);

static void check_type(Json schema, Json x)
{
    /* clang-format off */
    static const struct { const char *name; JsonKind kind; } types[] = {
        {"object", JSON_OBJECT}, {"array", JSON_ARRAY}, {"string", JSON_STRING}, {"number", JSON_NUMBER}, {"integer", JSON_NUMBER}, {"boolean", JSON_BOOL},
    };
    /* clang-format on */
    const char *type = json_string(schema);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, type) != 0)
            continue;
        json_expect(x, types[i].kind);
        if (!strcmp(type, "integer") && !json_is_int(x))
            json_err(x, "expected an integer");
        return;
    }
    json_err(schema, "unknown type \"%s\"", type);
}

static void check_enum(Json schema, Json x)
{
    for (Json e = json_first(schema); json_ok(e); e = json_next(e))
        if (!strcmp(json_string(e), json_string(x)))
            return;
    json_err(x, "\"%s\" is none of those that the schema lists", json_string(x));
}

static void check_members(Json root, Json schema, Json x)
{
    Json properties = json_get(schema, "properties"),
         more = json_get(schema, "additionalProperties");
    for (Json m = json_first(x); json_ok(m); m = json_next(m)) {
        Json p = json_get(properties, json_key(m));
        if (json_ok(p))
            check(root, p, m);
        else if (json_ok(more) && json_kind(more) == JSON_OBJECT)
            check(root, more, m);
        else if (json_ok(more) && !json_bool(more))
            json_err(m, "the schema has no such member");
    }
}

static void check_keyword(Json root, Json schema, Json keyword, Json x)
{
    static const char *const others[] = {"$schema",     "$id",   "title",
                                         "description", "$defs", "additionalProperties"};
    const char *name = json_key(keyword);
    if (!strcmp(name, "$ref"))
        check(root, resolve(root, json_string(keyword)), x);
    else if (!strcmp(name, "type"))
        check_type(keyword, x);
    else if (!strcmp(name, "enum"))
        check_enum(keyword, x);
    else if (!strcmp(name, "minimum")) {
        if (json_number(x) < json_number(keyword))
            json_err(x, "%g is less than %g", json_number(x), json_number(keyword));
    } else if (!strcmp(name, "exclusiveMinimum")) {
        if (!(json_number(x) > json_number(keyword)))
            json_err(x, "%g is not more than %g", json_number(x), json_number(keyword));
    } else if (!strcmp(name, "minItems")) {
        if (json_count(x) < json_number(keyword))
            json_err(x, "too few items");
    } else if (!strcmp(name, "items")) {
        for (Json e = json_first(x); json_ok(e); e = json_next(e))
            check(root, keyword, e);
    } else if (!strcmp(name, "required")) {
        for (Json e = json_first(keyword); json_ok(e); e = json_next(e))
            json_need(x, json_string(e));
    } else if (!strcmp(name, "properties"))
        check_members(root, schema, x);
    else {
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            if (!strcmp(name, others[i]))
                return;
        json_err(keyword, "unknown keyword");
    }
}

static void check(Json root, Json schema, Json x)
{
    for (Json k = json_first(schema); json_ok(k); k = json_next(k))
        check_keyword(root, schema, k, x);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        usage_err("usage: schema_check SCHEMA.json FILE.json");
    Json schema = json_load(argv[1]), file = json_load(argv[2]);
    check(schema, schema, file);
    json_free(file);
    json_free(schema);
    return 0;
}
