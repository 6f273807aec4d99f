/* Changing and building JSON: see json.h. */
#include "json_doc.h"

#include <stdint.h>

#include "err.h"

static void delete_tree(void *root) { cJSON_Delete(root); }

/* The document owns the tree. */
Json json_document(const char *file, cJSON *root)
{
    Arena *a = arena_new();
    JsonDoc *doc = arena_alloc(a, sizeof *doc);
    *doc = (JsonDoc){.arena = a, .file = arena_strdup(a, file), .root = root};
    arena_at_end(a, delete_tree, root);
    return (Json){doc, root};
}

/* The object owns the item, which replaces a member of that name. NULL: memory ran out. */
static void put(cJSON *object, const char *key, cJSON *item)
{
    if (!item)
        err("out of memory for JSON");
    if (cJSON_GetObjectItemCaseSensitive(object, key))
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, item);
    else
        cJSON_AddItemToObject(object, key, item);
}

static void merge(cJSON *object, const char *key, const cJSON *over)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!old || !cJSON_IsObject(old) || !cJSON_IsObject(over)) {
        put(object, key, cJSON_Duplicate(over, 1));
        return;
    }
    for (const cJSON *m = over->child; m; m = m->next)
        merge(old, m->string, m);
}

void json_merge(Json object, const char *key, Json over)
{
    json_expect(object, JSON_OBJECT);
    merge(node(object), key, node(over));
}

/* The copy came from p. `old`, if any, is no longer there: its address may be used again. */
static void note_place(JsonDoc *doc, const cJSON *copy, const cJSON *old, Place p)
{
    for (int i = 0; i < doc->n_adopted && old; i++)
        if (doc->adopted[i].node == old)
            doc->adopted[i].node = NULL;
    ARENA_GROW(doc->arena, doc->adopted, doc->n_adopted, doc->cap_adopted);
    doc->adopted[doc->n_adopted++] = (Adopted){
        copy, {arena_strdup(doc->arena, p.file), arena_strdup(doc->arena, p.pointer)}};
}

void json_adopt(Json into, const char *key, Json original)
{
    const cJSON *old = key ? json_get(into, key).node : NULL;
    Place p = json_place(original);
    cJSON *copy = cJSON_Duplicate(node(original), 1);
    if (key)
        put(node(into), key, copy);
    else if (!cJSON_AddItemToArray(node(into), copy))
        err("out of memory for JSON");
    note_place((JsonDoc *)into.doc, copy, old, p);
}

Json json_new_object(const char *file)
{
    cJSON *root = cJSON_CreateObject();
    if (!root)
        err("out of memory for JSON");
    return json_document(file, root);
}

Json json_object_at(Json object, const char *key)
{
    if (!json_ok(json_get(object, key)))
        put(node(object), key, cJSON_CreateObject());
    return json_get(object, key);
}

Json json_array_at(Json object, const char *key)
{
    if (!json_ok(json_get(object, key)))
        put(node(object), key, cJSON_CreateArray());
    return json_get(object, key);
}

void json_remove(Json object, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(node(object), key);
}

void json_set_int(Json object, const char *key, int64_t value)
{
    CHECK(value >= -(int64_t)EXACT && value <= (int64_t)EXACT);
    put(node(object), key, cJSON_CreateNumber((double)value));
}

void json_set_real(Json object, const char *key, double value)
{
    put(node(object), key, cJSON_CreateNumber(value));
}

void json_set_string(Json object, const char *key, const char *value)
{
    put(node(object), key, cJSON_CreateString(value));
}

void json_set_bool(Json object, const char *key, bool value)
{
    put(node(object), key, cJSON_CreateBool(value));
}

void json_set_ints(Json object, const char *key, const int64_t *values, int n)
{
    cJSON *list = cJSON_CreateArray();
    put(node(object), key, list);
    for (int i = 0; i < n; i++)
        if (!cJSON_AddItemToArray(list, cJSON_CreateNumber((double)values[i])))
            err("out of memory for JSON");
}

void json_rename(Json root, const char *file)
{
    ((JsonDoc *)root.doc)->file = arena_strdup(root.doc->arena, file);
}

void json_stands_for(Json root, const char *place)
{
    ((JsonDoc *)root.doc)->stands_for = place ? arena_strdup(root.doc->arena, place) : NULL;
}
