/* Inside of the graph language's reader: what graphfile.c (the file), graph_expand.c (statements)
 * and graph_ops.c (operations) share. */
#ifndef LATENTC_GRAPHFILE_H
#define LATENTC_GRAPHFILE_H
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
    Arena *scratch;     /* lives until the graph is read */
    Scope *globals;     /* parameters only */
    Scope *scope;       /* of the body that is being read */
    const char *prefix; /* of layer paths, "" or "down.0." */
    TensorId skips[MAX_SKIPS];
    int n_skips;
    const char *blocks[MAX_BLOCK_DEPTH]; /* names of the blocks being read, outermost first */
    int depth;                           /* of blocks and of nested bodies */
    int64_t statements;                  /* done so far */
} Reader;

/* graphfile.c */
Graph *graph_from_json(Json root, const ParamSet *sets, int n_sets);
ParamSet param_from_json(Arena *a, const char *name,
                         Json value); /* pipeline files give parameters in the same way */
const ParamSet *param_find(const Reader *r,
                           const char *name); /* own first, then the graph's; NULL */
void param_add(Reader *r, Json at, Scope *scope, ParamSet p);
/* A number, or a string that is an expression. `at` names the place. */
Number number_at(const Reader *r, Json at);
int64_t integer_at(const Reader *r, Json at);
double real_at(const Reader *r, Json at);
Shape shape_at(const Reader *r, Json at);
/* A text with every {expression} replaced by its value. */
const char *text_at(const Reader *r, Json at);

/* graph_expand.c */
void read_statements(Reader *r, Json list);
TensorId value_find(const Reader *r, Json at, const char *name); /* err() when there is none */
void value_set(Reader *r, Json at, const char *name, TensorId t);
const char *layer_path(const Reader *r, Json statement); /* prefix and "path" */

/* graph_ops.c */
void read_op(Reader *r, Json statement);
#endif
