/* A thin layer over the LLVM C API. Only emit*.c and codegen.c call LLVMBuild*.
 *
 * Every kernel is void kernel(ptr args, i64 task, ptr scratch), see README.md. Values are f32
 * scalars, vectors of t->lanes f32 (or any other count), i64 and pointers. Variables that change in
 * loops are allocas; SROA makes registers of them. */
#ifndef LATENTC_EMIT_H
#define LATENTC_EMIT_H
#include "target.h"
#include <llvm-c/Core.h>
#include <stdint.h>
#include <stdbool.h>

typedef LLVMValueRef V;
typedef struct {
    LLVMContextRef ctx;
    LLVMModuleRef mod;
    LLVMBuilderRef b;
    const Target *t;
    LLVMTypeRef f32, f64, i64, i32, i1, ptr, voidt, kernel_type;
    V fn, args, task, scratch; /* of the kernel being emitted */
    LLVMBasicBlockRef entry;   /* its entry block: allocas go here */
    uint32_t cpu;              /* LRT_CPU_*: needed by the code emitted so far */
} Emit;

/* A module of its own, and a builder. emit_free keeps e->mod and e->ctx: the caller disposes of
 * them. */
Emit *emit_new(const Target *t);
void emit_free(Emit *e);
/* A new kernel with internal linkage; the builder stands in its body. Sets fn, args, task, scratch.
 */
V kernel_begin(Emit *e, const char *name);
void kernel_end(Emit *e);
/* Pointer argument i. */
V arg(Emit *e, int i);

/* ---- numbers ---- */
/* f32 where lanes is 1; else a vector. int_type: i32 likewise. */
LLVMTypeRef vec_type(const Emit *e, int lanes);
LLVMTypeRef int_type(const Emit *e, int lanes);
/* Constants: i64; f32; i32. */
V ci(const Emit *e, int64_t n);
V cf(const Emit *e, double x, int lanes);
V int_splat(const Emit *e, uint32_t n, int lanes);
/* Of i64, signed, without overflow. ..c: with a constant. */
V add(Emit *e, V a, V b);
V addc(Emit *e, V a, int64_t n);
V sub(Emit *e, V a, V b);
/* The same. */
V mul(Emit *e, V a, V b);
V mulc(Emit *e, V a, int64_t n);
/* Of i64, not negative: quotient and remainder, by 1 without code; the smaller; the larger one. */
V udivc(Emit *e, V a, int64_t n);
V uremc(Emit *e, V a, int64_t n);
V smin(Emit *e, V a, V b);
V smax(Emit *e, V a, V b);
/* i1: a < b signed; a == b. */
V lt(Emit *e, V a, V b);
V eq(Emit *e, V a, V b);
/* c ? a : b; c: i1, or a vector of them. */
V choose(Emit *e, V c, V a, V b);
/* Of f32 or f64, scalars or vectors. */
V fp_add(Emit *e, V a, V b);
V fp_sub(Emit *e, V a, V b);
V fp_mul(Emit *e, V a, V b);
V fp_div(Emit *e, V a, V b);
/* The larger one, the smaller one; where a is no number, b. a * b + c: fused where the target has
 * FMA, else rounded twice. */
V fp_max(Emit *e, V a, V b);
V fp_min(Emit *e, V a, V b);
V fp_fma(Emit *e, V a, V b, V c);

/* ---- vectors ---- */
/* A vector of equal lanes. */
V splat(Emit *e, V scalar, int lanes);
/* Lanes from .. from + n of a vector. */
V lanes_of(Emit *e, V v, int from, int n);
/* A vector of i1: lane i is i < limit. */
V lanes_below(Emit *e, V limit, int lanes);
/* In a fixed order: halves are joined until one lane is left. */
V reduce_add(Emit *e, V v, int lanes);
V reduce_max(Emit *e, V v, int lanes);
/* `lanes` vectors of as many lanes, a power of two, in place. */
void transpose(Emit *e, V *rows, int lanes);

/* ---- memory ---- */
/* &((float *)p)[index]; (char *)p + offset. */
V at(Emit *e, V p, V index);
V atc(Emit *e, V p, int64_t index);
V at_byte(Emit *e, V p, V offset);
/* Alignment 4. */
V load(Emit *e, V p, int lanes);
void store(Emit *e, V v, V p);
/* The first `valid` lanes; no memory beyond them is touched. load_n: the other lanes are zero. */
V load_n(Emit *e, V p, int lanes, int valid);
void store_n(Emit *e, V v, V p, int lanes, int valid);
/* A whole vector, aligned to its size, past the caches. Only where a vector is a cache line; before
 * the kernel's end order_stores makes such stores visible to other threads. */
void store_past(Emit *e, V v, V p);
void order_stores(Emit *e);
/* ((int32_t *)p)[index] as i64. */
V load_i32(Emit *e, V p, V index);
/* A variable; init may be NULL. */
V var(Emit *e, LLVMTypeRef type, V init);
V get(Emit *e, V variable);
void set(Emit *e, V variable, V value);

/* An LLVM intrinsic that is overloaded on one type; one of a machine, which is not: its arguments
 * are cast to its types. */
V intrinsic(Emit *e, const char *name, LLVMTypeRef type, V *args, int n);
V machine_intrinsic(Emit *e, const char *name, V *args, unsigned n);

/* ---- control ---- */
/* for (i = from; i < to; i += step): Loop l = loop_begin(...); use l.i; loop_end(e, &l); */
typedef struct {
    LLVMBasicBlockRef head, end;
    V i, next_step;
} Loop;
/* Open a loop; end it. step > 0. */
Loop loop_begin(Emit *e, V from, V to, int64_t step);
void loop_end(Emit *e, Loop *l);
/* if (c) { ... } [else { ... }]: If f = if_begin(e, c); [if_else(e, &f);] if_end(e, &f); */
typedef struct {
    LLVMBasicBlockRef otherwise, end;
    bool has_else;
} If;
/* Open the first branch; the second one, at most once; end them. c: an i1. */
If if_begin(Emit *e, V c);
void if_else(Emit *e, If *f);
void if_end(Emit *e, If *f);
/* The range of `total` items that task e->task of n_tasks works on: equal shares of `per` items,
 * the last one shorter. */
void task_range(Emit *e, V task, int64_t total, int64_t per, V *from, V *to);
#endif
