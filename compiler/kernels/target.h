/* Targets: what is known of a CPU before it runs anything. One row each in targets.def. */
#ifndef LATENTC_TARGET_H
#define LATENTC_TARGET_H
#include "util.h"

/* What the products of bf16 operands run on: multiply-adds on f32 lanes; vdpbf16ps; the tile unit
 * (AMX); a model of it, for tests. */
typedef enum { CORE_FMA, CORE_BF16_DOT, CORE_AMX, CORE_AMX_MODEL } Core;

typedef struct {
    const char *name;                    /* as --target takes it */
    const char *text;                    /* one line for `latentc targets` */
    const char *triple, *cpu, *features; /* as LLVM takes them */
    uint32_t cpu_bits; /* LRT_CPU_*: what any generated code needs; target_cpu_bits() with bf16
                          operands */
    int lanes;         /* f32 per vector register */
    int nr;            /* register tile: vectors of output channels ... */
    int mr[5]; /* ... by mr[v] rows when v vectors are in use (v <= nr); mr*nr accumulators + nr + 1
                  <= registers */
    int l2_bytes; /* what one thread may assume of its private L2 */
    Core core;    /* the best unit that the row's CPUs have for bf16 operands */
} Target;

static inline bool target_tiles(const Target *t)
{
    return t->core == CORE_AMX || t->core == CORE_AMX_MODEL;
}
/* Has the instructions that round f32 to bf16. */
static inline bool target_rounds_bf16(const Target *t)
{
    return t->core == CORE_BF16_DOT || t->core == CORE_AMX;
}
/* What programs with bf16 operands need. (What a program does need: Emit.cpu.) */
uint32_t target_cpu_bits(const Target *t);
/* The row of that name; "host": the widest row that this machine can run, and that programs of that
 * dtype get anything from. usage_err() with the nearest when unknown. */
const Target *target_for(const char *name, bool bf16);
const Target *target_table(int *n);
bool target_runs_here(const Target *t);
bool target_is_host_arch(const Target *t);
#endif
