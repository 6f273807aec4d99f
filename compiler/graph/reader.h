/* What the readers of graph files share: the names in sight, and numbers, shapes and texts with
 * expressions in them. Every function err()s with the place on a mistake of the file. */
#ifndef LATENTC_READER_H
#define LATENTC_READER_H
#include "expr.h"
#include "ir.h"
#include "json.h"

enum { MAX_SKIPS = 256, MAX_BLOCK_DEPTH = 32, MAX_OPS = 16384, MAX_STATEMENTS = 50000 };

/* The names that one body sees: its parameters (the graph's are seen from everywhere) and its
 * values. */
typedef struct {
    ParamSet params[MAX_NAMES];
    int n_params;
    struct {
        const char *name;
        TensorId value;
    } values[MAX_NAMES];
    int n_values;
} Scope;

typedef struct {
    Graph *g;
    Json root;
    /* lives until the graph is read */
    Arena *scratch;
    /* parameters only */
    Scope *globals;
    /* of the body that is being read */
    Scope *scope;
    /* of layer paths, "" or "down.0." */
    const char *prefix;
    /* how many characters of prefix, at its beginning, are not part of weights' paths: a layer that
     * is called again has paths of its own, but no weights of its own */
    size_t call;
    TensorId skips[MAX_SKIPS];
    int n_skips;
    /* names of the blocks being read, outermost first; NULL for bodies of other statements */
    const char *blocks[MAX_BLOCK_DEPTH];
    /* of blocks and of nested bodies */
    int depth;
    /* done so far */
    int64_t statements;
} Reader;

/* The parameter of this name in this scope alone; NULL when there is none. */
ParamSet *param_of(Scope *scope, const char *name);

/* The parameter of this name: the body's own, then the graph's; NULL when there is none. */
const ParamSet *param_find(const Reader *r, const char *name);

/* Adds p to the scope; its name must be new there and in the graph. */
void param_add(Reader *r, Json at, Scope *scope, ParamSet p);

/* A number, or a string that is an expression. */
Number number_at(const Reader *r, Json at);

/* The same; err() on a real number. */
int64_t integer_at(const Reader *r, Json at);

/* The same as a real number. */
double real_at(const Reader *r, Json at);

/* A list of 1 to MAX_RANK integers, each at least 1. */
Shape shape_at(const Reader *r, Json at);

/* A text with every {expression} replaced by its value. In r->scratch. */
const char *text_at(const Reader *r, Json at);

/* The value of this name in the body that is being read. */
TensorId value_find(const Reader *r, Json at, const char *name);

/* From now on, this name means t in the body that is being read. */
void value_set(Reader *r, Json at, const char *name, TensorId t);

/* r->prefix and the path at `at`, where that is not empty; else the path of the group. In
 * r->scratch. */
const char *path_at(const Reader *r, Json at);

/* The path of the statement's layer: r->prefix and "path"; an empty "path" is the group's own. In
 * r->scratch. */
const char *layer_path(const Reader *r, Json statement);
#endif
