/* A thin layer over the LLVM C API. Only emit*.c and codegen.c call LLVMBuild*.
 *
 * Every kernel is void kernel(ptr args, i64 task, ptr scratch), see runtime/plan.h. Values are f32
 * scalars, vectors of t->lanes f32 (or any other count), i64 and pointers. Variables that change in
 * loops are allocas; SROA makes registers of them. */
#ifndef LATENTC_EMIT_H
#define LATENTC_EMIT_H
#include "target.h"
#include <llvm-c/Core.h>

typedef LLVMValueRef V;
typedef struct {
    LLVMContextRef ctx;
    LLVMModuleRef mod;
    LLVMBuilderRef b;
    const Target *t;
    LLVMTypeRef f32, f64, i64, i32, i1, ptr, voidt, kernel_type;
    V fn, args, task, scratch; /* of the kernel being emitted */
    LLVMBasicBlockRef entry;   /* its entry block: allocas go here */
    uint32_t cpu;              /* LRT_CPU_*: what the code emitted so far needs */
} Emit;

Emit *emit_new(const Target *t);
void emit_free(Emit *e); /* leaves e->mod to its owner */
V kernel_begin(
    Emit *e,
    const char *name); /* a new kernel with internal linkage; the builder stands in its body */
void kernel_end(Emit *e);
V arg(Emit *e, int i); /* pointer argument i, loaded once at the top */

LLVMTypeRef vec_type(const Emit *e, int lanes); /* lanes == 1: plain f32 */
V ci(const Emit *e, int64_t n);                 /* i64 constant */
V cf(const Emit *e, double x, int lanes);
V add(Emit *e, V a, V b);
V addc(Emit *e, V a, int64_t n);
V sub(Emit *e, V a, V b);
V mul(Emit *e, V a, V b);
V mulc(Emit *e, V a, int64_t n);
V udivc(Emit *e, V a, int64_t n);
V uremc(Emit *e, V a, int64_t n); /* by a constant; n == 1 costs nothing */
V umin(Emit *e, V a, V b);
V umax(Emit *e, V a, V b);
V lt(Emit *e, V a, V b); /* signed a < b */
V eq(Emit *e, V a, V b);
V choose(Emit *e, V c, V a, V b);
V fp_add(Emit *e, V a, V b);
V fp_sub(Emit *e, V a, V b);
V fp_mul(Emit *e, V a, V b);
V fp_div(Emit *e, V a, V b);
V fp_max(Emit *e, V a, V b);
V fp_fma(Emit *e, V a, V b, V c); /* a*b + c: fused where the target has FMA, else rounded twice */
V splat(Emit *e, V scalar, int lanes);
LLVMTypeRef int_type(const Emit *e, int lanes); /* i32, or a vector of them */
V int_splat(const Emit *e, uint32_t n, int lanes);
V lanes_of(Emit *e, V v, int from, int n); /* lanes from .. from+n of a vector */
/* A vector of i1: lane i is i < limit. */
V lanes_below(Emit *e, V limit, int lanes);
V reduce_add(Emit *e, V v, int lanes); /* fixed order: halves added until one is left */
V reduce_max(Emit *e, V v, int lanes);
void transpose(Emit *e, V *rows, int lanes); /* lanes vectors of as many lanes, a power of two */
V at(Emit *e, V p, V index);                 /* &((float *)p)[index] */
V atc(Emit *e, V p, int64_t index);
V at_byte(Emit *e, V p, V offset); /* (char *)p + offset */
V load(Emit *e, V p, int lanes);   /* alignment 4 */
void store(Emit *e, V v, V p);
/* A whole vector, aligned to its size, past the caches; only where a vector is a cache line, before
 * order_stores. */
void store_past(Emit *e, V v, V p);
void order_stores(Emit *e); /* what was stored past the caches is there for other threads too */
V load_n(Emit *e, V p, int lanes,
         int valid); /* the first `valid` lanes; the others are zero and not touched */
void store_n(Emit *e, V v, V p, int lanes, int valid);
V load_i32(Emit *e, V p, V index);        /* ((int32_t *)p)[index] as i64 */
V var(Emit *e, LLVMTypeRef type, V init); /* an alloca; init may be NULL */
V get(Emit *e, V variable);
void set(Emit *e, V variable, V value);
V intrinsic(Emit *e, const char *name, LLVMTypeRef type, V *args, int n);
/* One of a machine, without a type parameter; arguments are cast to its types. */
V machine_intrinsic(Emit *e, const char *name, V *args, unsigned n);

/* for (i = from; i < to; i += step) { ... }   Loop l = loop_begin(...); use l.i; loop_end(e, &l);
 */
typedef struct {
    LLVMBasicBlockRef head, end;
    V i, next_step;
} Loop;
Loop loop_begin(Emit *e, V from, V to, int64_t step);
void loop_end(Emit *e, Loop *l);
/* if (c) { ... } [else { ... }] */
typedef struct {
    LLVMBasicBlockRef otherwise, end;
    bool has_else;
} If;
If if_begin(Emit *e, V c);
void if_else(Emit *e, If *f);
void if_end(Emit *e, If *f);
/* The range of `total` items that task e->task of n_tasks works on: equal shares of `per` items,
 * the last one shorter. */
void task_range(Emit *e, V task, int64_t total, int64_t per, V *from, V *to);
#endif
