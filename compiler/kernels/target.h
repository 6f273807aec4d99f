/* Targets: the CPUs that code is generated for. One row each in targets.def. */
#ifndef LATENTC_TARGET_H
#define LATENTC_TARGET_H
#include <stdint.h>
#include <stdbool.h>

/* What the products of bf16 operands run on: multiply-adds on f32 lanes; vdpbf16ps; the tile unit
 * (AMX); a model of it, for tests. */
/* clang-format off */
#define CORES(ROW) ROW(FMA, fma) ROW(BF16_DOT, bf16_dot) ROW(AMX, amx) ROW(AMX_MODEL, amx_model)
/* clang-format on */
#define ROW(e, name) CORE_##e,
typedef enum { CORES(ROW) } Core;
#undef ROW
#define ROW(e, name) +1
enum { CORE_COUNT = 0 CORES(ROW) };
#undef ROW
/* What products of whole numbers of 8 bits run on: pairs of 16-bit numbers (pmaddwd); products of
 * 16 bits (NEON); vpdpbusd on vectors of AVX-512, of AVX2; sdot. */
typedef enum { DOT8_PAIRS, DOT8_NEON, DOT8_VNNI512, DOT8_VNNI256, DOT8_SDOT } Dot8;
/* What products take: f32; bf16; bf16 and, where a layer is quantised, whole numbers of 8 bits. */
typedef enum { PRODUCTS_F32, PRODUCTS_BF16, PRODUCTS_INT8, PRODUCTS_KINDS } Products;
extern const char *const product_names[PRODUCTS_KINDS];
/* As the text form of a program writes them. */
extern const char *const core_names[CORE_COUNT];

typedef struct {
    /* As --target takes it; one line for `latentc targets`. */
    const char *name, *text;
    /* As LLVM takes them. */
    const char *triple, *cpu, *features;
    /* LRT_CPU_*: what any generated code needs; target_cpu_bits() with the cores' instructions. */
    uint32_t cpu_bits;
    /* f32 numbers in a vector register. */
    int lanes;
    /* Register tile: nr vectors of output channels by mr[v] rows when v vectors are in use (v <=
     * nr). mr * nr accumulators + nr + 1 <= registers. */
    int nr;
    int mr[5];
    /* Bytes of its private L2 that one thread may count on. */
    int l2_bytes;
    /* The best unit that the row's CPUs have for bf16 operands. */
    Core core;
    /* The same for int8 operands. */
    Dot8 dot8;
} Target;

/* Has the tile unit, or the model of it. */
static inline bool target_tiles(const Target *t)
{
    return t->core == CORE_AMX || t->core == CORE_AMX_MODEL;
}
/* Has the instructions that round f32 to bf16. */
static inline bool target_rounds_bf16(const Target *t)
{
    return t->core == CORE_BF16_DOT || t->core == CORE_AMX;
}
/* Has instructions that multiply bf16. Elsewhere operands that a program makes as it runs are as
 * well f32: only weights are worth widening. */
static inline bool target_multiplies_bf16(const Target *t) { return t->core != CORE_FMA; }
/* Has an instruction that adds up products of four bytes. */
static inline bool target_dot8(const Target *t) { return t->dot8 >= DOT8_VNNI512; }
/* A row for the sake of int8 products: with other operands its code is that of the row above it. */
static inline bool target_int8_alone(const Target *t)
{
    return t->core == CORE_FMA && target_dot8(t);
}
/* LRT_CPU_* that programs of any operands may need. What a program does need: Emit.cpu. */
uint32_t target_cpu_bits(const Target *t);
/* The row of that name. "host": the widest row that this machine can run and that is of use to
 * these products. usage_err() with the nearest name when there is none. */
const Target *target_for(const char *name, Products of);
/* All rows; sets *n. */
const Target *target_table(int *n);
/* This machine has what the row's code needs; it has the row's architecture. */
bool target_runs_here(const Target *t);
bool target_is_host_arch(const Target *t);
#endif
