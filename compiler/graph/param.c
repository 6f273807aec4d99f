/* See param.h. */
#include "param.h"

const char *param_kind_text(ParamKind k)
{
    static const char *const names[] = {[PARAM_INT] = "an integer",
                                        [PARAM_REAL] = "a number",
                                        [PARAM_TEXT] = "a text",
                                        [PARAM_INTS] = "a list of integers"};
    _Static_assert(sizeof names / sizeof names[0] == PARAM_INTS + 1, "a name is missing");
    return names[k];
}

ParamSet param_from_json(Arena *a, const char *name, Json v)
{
    ParamSet p = {.name = arena_strdup(a, name)};
    switch (json_kind(v)) {
    case JSON_NUMBER:
        p.kind = json_is_int(v) ? PARAM_INT : PARAM_REAL;
        p.real = json_number(v);
        p.value = p.kind == PARAM_INT ? json_int(v, INT64_MIN, INT64_MAX) : 0;
        break;
    case JSON_STRING:
        p.kind = PARAM_TEXT;
        p.text = arena_strdup(a, json_string(v));
        break;
    case JSON_ARRAY: {
        int64_t *ints = arena_alloc(a, (size_t)(json_count(v) + 1) * sizeof *ints);
        for (Json e = json_first(v); json_ok(e); e = json_next(e))
            ints[p.n_ints++] = json_int(e, 0, INT32_MAX);
        p.kind = PARAM_INTS;
        p.ints = ints;
        break;
    }
    default: json_err(v, "expected an integer, a number, a text or a list of integers");
    }
    return p;
}
