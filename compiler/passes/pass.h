/* Passes: graph -> graph, one file each, listed in order in passes.def. rewrite.h has their laws
 * and what they share. */
#ifndef LATENTC_PASS_H
#define LATENTC_PASS_H
#include "ir.h"
#include "buf.h"

/* Which passes run: one bit per --fuse name. */
enum {
#define FUSE(e, name) FUSE_BIT_##e,
#include "fuses.def"
    FUSE_COUNT
};
typedef enum {
#define FUSE(e, name) FUSE_##e = 1 << FUSE_BIT_##e,
#include "fuses.def"
    FUSE_ALL = (1 << FUSE_COUNT) - 1,
    FUSE_NONE = 0,
    FUSE_ALWAYS = 0 /* of a row of passes.def: the pass does not depend on the flags */
} FuseFlags;

/* A pass changes g in place and returns how many places it changed. Dead ops stay in the
 * graph; the driver calls graph_sweep. */
#define PASS(name, fn, ...) int fn(Graph *g);
#include "passes.def"

/* What a pass may do to values: nothing; as much as rounding; as much as quant.h says. */
typedef enum { EXACT, ROUNDED, QUANTISED } Keeps;

/* A row of passes.def. */
typedef struct {
    const char *name;
    int (*run)(Graph *g);
    unsigned flag;
    /* the pass that must stand above; "" when none must */
    const char *requires;
    Keeps keeps;
} Pass;
enum {
    PASS_COUNT = 0
#define PASS(...) +1
#include "passes.def"
};
extern const Pass passes[PASS_COUNT];

/* The flags that a --fuse text means: "all", "none", "norm,attention" (only these), "-norm,-concat"
 * (all but these), or names with and without a minus after "all" or "none": "all,-norm".
 * usage_err() on an unknown name, with the nearest. */
unsigned fuse_parse(const char *text);

/* Appends the shortest such text. */
void fuse_print(unsigned flags, Buf *out);

/* Runs the passes that flags select, in order; verifies after each in debug builds (NDEBUG unset).
 * Stops after the pass named `until` when not NULL; usage_err when no pass has that name.
 * With trace, one line per pass on standard error: name, changes, ms. */
void passes_run(Graph *g, unsigned flags, const char *until, bool trace);

/* Runs this pass alone, whatever the flags, then sorts, sweeps and verifies as passes_run does.
 * Returns the number of changes. */
int pass_run_one(Graph *g, const char *name);
#endif
