/* Carries out the statements of a graph file one after another: operations, blocks, repetition,
 * conditions, the skip stack, marks of cacheable values. */
#include "graph_expand.h"

#include <string.h>

#include "cache.h"
#include "graph_ops.h"
#include "words.h"

/* ---- statements ---- */

static void enter(Reader *r, Json at)
{
    if (++r->depth > MAX_BLOCK_DEPTH)
        json_err(at, "statements are nested more than %d deep", MAX_BLOCK_DEPTH);
}

/* Limits the work that a short file can cause. */
static void count_statement(Reader *r, Json s)
{
    if (++r->statements > MAX_STATEMENTS)
        json_err(s, "the graph takes more than %d statements", MAX_STATEMENTS);
}

/* The statements of member `key`. "path", if given, is put before the paths inside. */
static void read_body(Reader *r, Json statement, const char *key)
{
    const char *outside = r->prefix;
    if (json_ok(json_get(statement, "path")))
        r->prefix = arena_printf(r->scratch, "%s.", layer_path(r, statement));
    enter(r, statement);
    read_statements(r, json_need(statement, key));
    r->depth--;
    r->prefix = outside;
}

static void read_group(Reader *r, Json s)
{
    static const char *const keys[] = {"do", "path"};
    json_only(s, keys, 2);
    read_body(r, s, "do");
}

/* {"repeat": "i", "from": 0, "to": n, "do": [...]}: i = from .. to-1 */
static void read_repeat(Reader *r, Json s)
{
    static const char *const keys[] = {"repeat", "from", "to", "path", "do"};
    json_only(s, keys, 5);
    Json from = json_get(s, "from");
    int64_t first = json_ok(from) ? integer_at(r, from) : 0,
            end = integer_at(r, json_need(s, "to"));
    Scope *scope = r->scope;
    int slot = scope->n_params;
    param_add(r, s, scope, (ParamSet){.name = json_name(json_get(s, "repeat"))});
    for (int64_t i = first; i < end; i++) {
        count_statement(r, s);
        scope->params[slot].value = i;
        read_body(r, s, "do");
    }
    scope->n_params = slot;
}

static void read_if(Reader *r, Json s)
{
    static const char *const keys[] = {"if", "do", "else", "path"};
    json_only(s, keys, 4);
    Number n = number_at(r, json_get(s, "if"));
    if (number_real(n) != 0)
        read_body(r, s, "do");
    else if (json_ok(json_get(s, "else")))
        read_body(r, s, "else");
}

static void read_push(Reader *r, Json s)
{
    static const char *const keys[] = {"push"};
    json_only(s, keys, 1);
    if (r->n_skips == MAX_SKIPS)
        json_err(s, "the skip stack is full: expected at most %d values", MAX_SKIPS);
    r->skips[r->n_skips++] = value_find(r, s, json_name(json_get(s, "push")));
}

static void read_pop(Reader *r, Json s)
{
    static const char *const keys[] = {"pop"};
    json_only(s, keys, 1);
    if (r->n_skips == 0)
        json_err(s, "the skip stack is empty here%s%.*s, expected a value pushed before",
                 *r->prefix ? ", in layer " : "", *r->prefix ? (int)strlen(r->prefix) - 1 : 0,
                 r->prefix);
    value_set(r, s, json_name(json_get(s, "pop")), r->skips[--r->n_skips]);
}

/* {"cache": "x", "level": 1}: the value is cacheable at that level (cache.h). */
static void read_cache(Reader *r, Json s)
{
    static const char *const keys[] = {"cache", "level"};
    json_only(s, keys, 2);
    Json at = json_get(s, "level");
    int64_t level = json_ok(at) ? integer_at(r, at) : 1;
    if (level < 1 || level > MOST_CACHE_LEVEL)
        json_err(at, "found %lld, expected 1 to %d", (long long)level, MOST_CACHE_LEVEL);
    const char *wrong = graph_mark(r->g, value_find(r, s, json_name(json_get(s, "cache"))),
                                   (int)level);
    if (wrong)
        json_err(s, "%s", wrong);
}

/* ---- blocks ---- */

static Json find_block(const Reader *r, Json s)
{
    const char *names[MAX_NAMES], *name = json_string(json_get(s, "block"));
    Json blocks = json_get(r->root, "blocks");
    size_t n = 0;
    for (Json b = json_ok(blocks) ? json_first(blocks) : blocks; json_ok(b); b = json_next(b)) {
        if (strcmp(json_key(b), name) == 0)
            return b;
        if (n < MAX_NAMES)
            names[n++] = json_key(b);
    }
    json_err(json_get(s, "block"), "there is no block '%s': %s", name,
             name_hint(name, NAMES(names, n)));
}

/* Number of elements of an optional list. */
static int list_count(Json list)
{
    if (!json_ok(list))
        return 0;
    json_expect(list, JSON_ARRAY);
    return json_count(list);
}

/* A use of a block has the members of a use and the block's parameters, no others. */
static void check_use_keys(Json s, Json block)
{
    const char *keys[MAX_NAMES + 4] = {"block", "path", "in", "out"};
    size_t n = 4;
    Json params = json_get(block, "parameters");
    if (list_count(params) > MAX_NAMES)
        json_err(params, "expected at most %d parameters", MAX_NAMES);
    for (Json p = list_count(params) ? json_first(params) : (Json){0}; json_ok(p); p = json_next(p))
        keys[n++] = json_name(p);
    json_only(s, keys, n);
}

/* Operands by name: "in" is one name or a list; the current value x when it is not there. */
static void bind_inputs(Reader *r, Json s, Json block, Scope *inner)
{
    Json names = json_need(block, "inputs"), in = json_get(s, "in");
    int wanted = list_count(names);
    int given = !json_ok(in) || json_kind(in) == JSON_STRING ? 1 : list_count(in);
    if (given != wanted)
        json_err(s, "block %s: found %d inputs, expected %d", json_key(block), given, wanted);
    if (wanted > MAX_NAMES)
        json_err(names, "expected at most %d inputs", MAX_NAMES);
    Json operand = json_ok(in) && json_kind(in) == JSON_ARRAY ? json_first(in) : in;
    for (Json name = json_first(names); json_ok(name); name = json_next(name)) {
        const char *value = json_ok(operand) ? json_string(operand) : "x";
        for (int i = 0; i < inner->n_values; i++)
            if (strcmp(inner->values[i].name, json_name(name)) == 0)
                json_err(name, "the name stands twice, expected once");
        inner->values[inner->n_values].name = json_name(name);
        inner->values[inner->n_values++].value = value_find(r, s, value);
        if (json_ok(operand))
            operand = json_next(operand);
    }
}

static void bind_params(Reader *r, Json s, Json block, Scope *inner)
{
    Json params = json_get(block, "parameters");
    for (Json p = list_count(params) ? json_first(params) : (Json){0}; json_ok(p);
         p = json_next(p)) {
        Json given = json_get(s, json_name(p));
        if (!json_ok(given))
            json_err(s, "block %s: parameter %s is missing", json_key(block), json_name(p));
        Number n = number_at(r, given);
        ParamKind kind = n.is_real ? PARAM_REAL : PARAM_INT;
        param_add(r, p, inner,
                  (ParamSet){.name = json_name(p), .kind = kind, .value = n.i, .real = n.r});
    }
}

/* {"block": name, "path": ..., "in": [...], "out": name, parameters...} */
static void read_block(Reader *r, Json s)
{
    Json block = find_block(r, s), result = json_get(block, "result"), out = json_get(s, "out");
    check_use_keys(s, block);
    Scope *outer = r->scope, *inner = arena_alloc(r->scratch, sizeof *inner);
    bind_inputs(r, s, block, inner);
    bind_params(r, s, block, inner);
    for (int i = 0; i < r->depth; i++)
        if (r->blocks[i] && strcmp(r->blocks[i], json_key(block)) == 0)
            json_err(s, "cycle: block %s uses itself", json_key(block));
    const char *outside = r->prefix;
    if (json_ok(json_get(s, "path")))
        r->prefix = arena_printf(r->scratch, "%s.", layer_path(r, s));
    enter(r, s);
    r->blocks[r->depth - 1] = json_key(block);
    r->scope = inner;
    read_statements(r, json_need(block, "do"));
    TensorId t = value_find(r, block, json_ok(result) ? json_name(result) : "x");
    r->scope = outer;
    r->blocks[r->depth - 1] = NULL;
    r->depth--;
    r->prefix = outside;
    value_set(r, s, json_ok(out) ? json_name(out) : "x", t);
}

/* clang-format off */
static const struct { const char *key; void (*read)(Reader *r, Json s); } kinds[] = {
    {"op", read_op}, {"block", read_block}, {"repeat", read_repeat}, {"if", read_if}, {"push", read_push}, {"pop", read_pop},
    {"cache", read_cache},
    {"do", read_group}, /* last: repeat and if have it too */
};
/* clang-format on */

void read_statements(Reader *r, Json list)
{
    json_expect(list, JSON_ARRAY);
    for (Json s = json_first(list); json_ok(s); s = json_next(s)) {
        json_expect(s, JSON_OBJECT);
        count_statement(r, s);
        size_t k = 0;
        while (k < sizeof kinds / sizeof kinds[0] && !json_ok(json_get(s, kinds[k].key)))
            k++;
        if (k == sizeof kinds / sizeof kinds[0])
            json_err(
                s, "expected a statement with one of: op, block, repeat, if, push, pop, cache, do");
        kinds[k].read(r, s);
    }
}
