/* Targets: what is known of a CPU before it runs anything. One row each in targets.def. */
#ifndef LATENTC_TARGET_H
#define LATENTC_TARGET_H
#include "util.h"
#include <llvm-c/TargetMachine.h>

typedef struct {
    const char *name;      /* as --target takes it */
    const char *text;      /* one line for `latentc targets` */
    const char *triple, *cpu, *features; /* as LLVM takes them */
    uint32_t cpu_bits;     /* LRT_CPU_*: what generated code needs */
    int lanes;             /* f32 per vector register */
    int nr;                /* register tile: vectors of output channels ... */
    int mr[5];             /* ... by mr[v] rows when v vectors are in use (v <= nr); mr*nr accumulators + nr + 1 <= registers */
    int l2_bytes;          /* what one thread may assume of its private L2 */
    int bf16_dot;          /* has vdpbf16ps, and it is worth using */
} Target;

/* The row of that name; "host": the widest row that this machine can run. usage_err() with the nearest when unknown. */
const Target *target_find(const char *name);
const Target *target_table(int *n);
bool target_runs_here(const Target *t);
bool target_is_host_arch(const Target *t);
/* A machine for code generation; position-independent. die() when LLVM lacks the target. */
LLVMTargetMachineRef target_machine(const Target *t);
#endif
