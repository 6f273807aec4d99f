/* Parameters of graphs: what a graph file declares, and what --set and pipeline files give. */
#ifndef LATENTC_PARAM_H
#define LATENTC_PARAM_H
#include "json.h"
#include "arena.h"

/* Most parameters that a graph may have, and most values that one body may name. */
enum { MAX_NAMES = 64 };

typedef enum { PARAM_INT, PARAM_REAL, PARAM_TEXT, PARAM_INTS } ParamKind;

/* A parameter with its value. */
typedef struct {
    const char *name;
    /* PARAM_INT. --set NAME=VALUE gives this kind only; pipeline files may give any. */
    int64_t value;
    ParamKind kind;
    double real;
    const char *text;
    /* PARAM_INTS: n_ints of them */
    const int64_t *ints;
    int n_ints;
} ParamSet;

/* "an integer", "a number", "a text" or "a list of integers". */
const char *param_kind_text(ParamKind k);

/* The parameter of this name with the JSON value. err() on a value of any other kind. Name, text
 * and list are copied to the arena. */
ParamSet param_from_json(Arena *a, const char *name, Json value);
#endif
