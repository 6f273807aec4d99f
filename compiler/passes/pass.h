/* Passes: graph -> graph, one file each, listed in order in passes.def. */
#ifndef LATENTC_PASS_H
#define LATENTC_PASS_H
#include "ir.h"
/* A pass changes g in place and returns how many places it changed; it leaves dead ops for
 * graph_sweep, which the driver calls. */
#define PASS(name, fn, flag, text) int fn(Graph *g);
#include "passes.def"
#undef PASS
/* Which passes run: one bit per --fuse name (FUSE_*). */
typedef enum {
    FUSE_HOIST = 1,
    FUSE_GUIDANCE = 2,
    FUSE_NORM = 4,
    FUSE_EPILOGUE = 8,
    FUSE_ATTENTION = 16,
    FUSE_LAYERNORM = 32,
    FUSE_CONCAT = 64,
    FUSE_MEMORY = 128,
    FUSE_ALL = 255,
    FUSE_NONE = 0,
    FUSE_ALWAYS = 256
} FuseFlags;
/* "all", "none", "norm,attention", "-norm,-concat", ...; usage_err() on an unknown name, with the
 * nearest. */
unsigned fuse_parse(const char *text);
void fuse_print(unsigned flags, Buf *out); /* the shortest such text */
/* Runs the passes selected by flags, in order; verifies after each in debug builds (NDEBUG unset).
 * Stops after the pass named `until` when not NULL (usage_err when there is none of that name).
 * With trace, one line per pass on standard error: name, changes, ms. */
void passes_run(Graph *g, unsigned flags, const char *until, bool trace);
/* Runs this pass alone, whatever the flags, then sorts, sweeps and verifies as passes_run does.
 * Returns the number of changes. */
int pass_run_one(Graph *g, const char *name);
#endif
