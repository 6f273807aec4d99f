#include "emit.h"
#include "llvm_versions.h"
#include "err.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

Emit *emit_new(const Target *t)
{
    Emit *e = xcalloc(1, sizeof *e);
    e->t = t;
    e->cpu = t->cpu_bits;
    e->ctx = LLVMContextCreate();
    e->mod = LLVMModuleCreateWithNameInContext("latentc", e->ctx);
    e->b = LLVMCreateBuilderInContext(e->ctx);
    e->f32 = LLVMFloatTypeInContext(e->ctx);
    e->f64 = LLVMDoubleTypeInContext(e->ctx);
    e->i64 = LLVMInt64TypeInContext(e->ctx);
    e->i32 = LLVMInt32TypeInContext(e->ctx);
    e->i1 = LLVMInt1TypeInContext(e->ctx);
    e->ptr = LLVMPointerTypeInContext(e->ctx, 0);
    e->voidt = LLVMVoidTypeInContext(e->ctx);
    LLVMTypeRef params[] = {e->ptr, e->i64, e->ptr};
    e->kernel_type = LLVMFunctionType(e->voidt, params, 3, 0);
    return e;
}

void emit_free(Emit *e)
{
    LLVMDisposeBuilder(e->b);
    free(e);
}

static void add_fn_attr(Emit *e, V fn, unsigned index, const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(fn, index, LLVMCreateEnumAttribute(e->ctx, kind, value));
}

V kernel_begin(Emit *e, const char *name)
{
    e->fn = LLVMAddFunction(e->mod, name, e->kernel_type);
    LLVMSetLinkage(e->fn, LLVMInternalLinkage);
    add_fn_attr(e, e->fn, LLVMAttributeFunctionIndex, "nounwind", 0);
    add_fn_attr(e, e->fn, 1, "noalias", 0);
    add_fn_attr(e, e->fn, 3, "noalias", 0);
    e->args = LLVMGetParam(e->fn, 0);
    e->task = LLVMGetParam(e->fn, 1);
    e->scratch = LLVMGetParam(e->fn, 2);
    e->entry = LLVMAppendBasicBlockInContext(e->ctx, e->fn, "entry");
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->ctx, e->fn, "body");
    LLVMPositionBuilderAtEnd(e->b, e->entry);
    LLVMBuildBr(e->b, body);
    LLVMPositionBuilderAtEnd(e->b, body);
    return e->fn;
}

void kernel_end(Emit *e) { LLVMBuildRetVoid(e->b); }

V arg(Emit *e, int i)
{
    V p = LLVMBuildInBoundsGEP2(e->b, e->ptr, e->args, (V[]){ci(e, i)}, 1, "");
    return LLVMBuildLoad2(e->b, e->ptr, p, "arg");
}

LLVMTypeRef vec_type(const Emit *e, int lanes)
{
    return lanes == 1 ? e->f32 : LLVMVectorType(e->f32, (unsigned)lanes);
}
V ci(const Emit *e, int64_t n) { return LLVMConstInt(e->i64, (unsigned long long)n, 1); }

V cf(const Emit *e, double x, int lanes)
{
    V s = LLVMConstReal(e->f32, x);
    if (lanes == 1)
        return s;
    V all[64];
    for (int i = 0; i < lanes; i++)
        all[i] = s;
    return LLVMConstVector(all, (unsigned)lanes);
}

V add(Emit *e, V a, V b) { return LLVMBuildNSWAdd(e->b, a, b, ""); }
V addc(Emit *e, V a, int64_t n) { return n == 0 ? a : add(e, a, ci(e, n)); }
V sub(Emit *e, V a, V b) { return LLVMBuildNSWSub(e->b, a, b, ""); }
V mul(Emit *e, V a, V b) { return LLVMBuildNSWMul(e->b, a, b, ""); }
V mulc(Emit *e, V a, int64_t n) { return n == 1 ? a : mul(e, a, ci(e, n)); }
V udivc(Emit *e, V a, int64_t n) { return n == 1 ? a : LLVMBuildUDiv(e->b, a, ci(e, n), ""); }
V uremc(Emit *e, V a, int64_t n)
{
    return n == 1 ? ci(e, 0) : LLVMBuildURem(e->b, a, ci(e, n), "");
}
V lt(Emit *e, V a, V b) { return LLVMBuildICmp(e->b, LLVMIntSLT, a, b, ""); }
V eq(Emit *e, V a, V b) { return LLVMBuildICmp(e->b, LLVMIntEQ, a, b, ""); }
V choose(Emit *e, V c, V a, V b) { return LLVMBuildSelect(e->b, c, a, b, ""); }
V smin(Emit *e, V a, V b) { return choose(e, lt(e, a, b), a, b); }
V smax(Emit *e, V a, V b) { return choose(e, lt(e, a, b), b, a); }
V fp_add(Emit *e, V a, V b) { return LLVMBuildFAdd(e->b, a, b, ""); }
V fp_sub(Emit *e, V a, V b) { return LLVMBuildFSub(e->b, a, b, ""); }
V fp_mul(Emit *e, V a, V b) { return LLVMBuildFMul(e->b, a, b, ""); }
V fp_div(Emit *e, V a, V b) { return LLVMBuildFDiv(e->b, a, b, ""); }
V fp_max(Emit *e, V a, V b) { return choose(e, LLVMBuildFCmp(e->b, LLVMRealOGT, a, b, ""), a, b); }
V fp_min(Emit *e, V a, V b) { return choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, a, b, ""), a, b); }

V intrinsic(Emit *e, const char *name, LLVMTypeRef type, V *args, int n)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    CHECK(id != 0);
    V f = LLVMGetIntrinsicDeclaration(e->mod, id, &type, 1);
    return LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->ctx, id, &type, 1), f, args, (unsigned)n,
                          "");
}

V machine_intrinsic(Emit *e, const char *name, V *args, unsigned n)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    CHECK(id != 0);
    V f = LLVMGetIntrinsicDeclaration(e->mod, id, NULL, 0);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->ctx, id, NULL, 0), params[8];
    CHECK(n <= 8);
    LLVMGetParamTypes(type, params);
    for (unsigned i = 0; i < n; i++)
        if (LLVMTypeOf(args[i]) != params[i])
            args[i] = LLVMBuildBitCast(e->b, args[i], params[i], "");
    return LLVMBuildCall2(e->b, type, f, args, n, "");
}

V fp_fma(Emit *e, V a, V b, V c)
{
    return intrinsic(e, "llvm.fmuladd", LLVMTypeOf(a), (V[]){a, b, c}, 3);
}

V splat(Emit *e, V scalar, int lanes)
{
    if (lanes == 1)
        return scalar;
    LLVMTypeRef type = vec_type(e, lanes);
    V v = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), scalar, LLVMConstInt(e->i32, 0, 0), "");
    return LLVMBuildShuffleVector(e->b, v, LLVMGetPoison(type),
                                  LLVMConstNull(LLVMVectorType(e->i32, (unsigned)lanes)), "");
}

LLVMTypeRef int_type(const Emit *e, int lanes)
{
    return lanes == 1 ? e->i32 : LLVMVectorType(e->i32, (unsigned)lanes);
}

V int_splat(const Emit *e, uint32_t n, int lanes)
{
    V s = LLVMConstInt(e->i32, n, 0), all[64];
    if (lanes == 1)
        return s;
    for (int i = 0; i < lanes; i++)
        all[i] = s;
    return LLVMConstVector(all, (unsigned)lanes);
}

V lanes_of(Emit *e, V v, int from, int n)
{
    V index[64];
    for (int i = 0; i < n; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)(from + i), 0);
    return LLVMBuildShuffleVector(e->b, v, LLVMGetPoison(LLVMTypeOf(v)),
                                  LLVMConstVector(index, (unsigned)n), "");
}

/* Halves the vector with op until one lane is left: the same order on every target with as many
 * lanes. */
static V reduce(Emit *e, V v, int lanes, V (*op)(Emit *, V, V))
{
    for (int half = lanes / 2; half >= 1; half /= 2) {
        V low = lanes_of(e, v, 0, half), high = lanes_of(e, v, half, half);
        v = op(e, low, high);
    }
    return lanes == 1 ? v : LLVMBuildExtractElement(e->b, v, LLVMConstInt(e->i32, 0, 0), "");
}
V reduce_add(Emit *e, V v, int lanes) { return reduce(e, v, lanes, fp_add); }
V reduce_max(Emit *e, V v, int lanes) { return reduce(e, v, lanes, fp_max); }

/* Stage by stage: rows i and i + half exchange their off-diagonal blocks of half x half. */
void transpose(Emit *e, V *rows, int lanes)
{
    for (int half = lanes / 2; half >= 1; half /= 2)
        for (int i = 0; i < lanes; i++) {
            if (i & half)
                continue;
            V low[64], high[64], a = rows[i], b = rows[i + half];
            for (int k = 0; k < lanes; k++) {
                int from = k & half ? lanes + k - half : k;
                low[k] = LLVMConstInt(e->i32, (unsigned)from, 0);
                high[k] = LLVMConstInt(e->i32, (unsigned)(from + half), 0);
            }
            rows[i] = LLVMBuildShuffleVector(e->b, a, b, LLVMConstVector(low, (unsigned)lanes), "");
            rows[i + half] = LLVMBuildShuffleVector(e->b, a, b,
                                                    LLVMConstVector(high, (unsigned)lanes), "");
        }
}

V at(Emit *e, V p, V index) { return LLVMBuildInBoundsGEP2(e->b, e->f32, p, &index, 1, ""); }
V at_byte(Emit *e, V p, V offset)
{
    return LLVMBuildInBoundsGEP2(e->b, LLVMInt8TypeInContext(e->ctx), p, &offset, 1, "");
}
V atc(Emit *e, V p, int64_t index) { return index == 0 ? p : at(e, p, ci(e, index)); }

V load(Emit *e, V p, int lanes)
{
    V v = LLVMBuildLoad2(e->b, vec_type(e, lanes), p, "");
    LLVMSetAlignment(v, 4);
    return v;
}
void store(Emit *e, V v, V p) { LLVMSetAlignment(LLVMBuildStore(e->b, v, p), 4); }

void store_past(Emit *e, V v, V p)
{
    V s = LLVMBuildStore(e->b, v, p), one = LLVMConstInt(e->i32, 1, 0);
    LLVMSetAlignment(s, (unsigned)e->t->lanes * 4);
    LLVMMetadataRef node = LLVMValueAsMetadata(one);
    LLVMSetMetadata(s, LLVMGetMDKindIDInContext(e->ctx, "nontemporal", 11),
                    LLVMMetadataAsValue(e->ctx, LLVMMDNodeInContext2(e->ctx, &node, 1)));
}

void order_stores(Emit *e) { machine_intrinsic(e, "llvm.x86.sse.sfence", NULL, 0); }

static V lane_mask(Emit *e, int lanes, int valid)
{
    V m[64];
    for (int i = 0; i < lanes; i++)
        m[i] = LLVMConstInt(e->i1, i < valid, 0);
    return LLVMConstVector(m, (unsigned)lanes);
}

V load_n(Emit *e, V p, int lanes, int valid)
{
    if (valid >= lanes)
        return load(e, p, lanes);
    LLVMTypeRef type = vec_type(e, lanes);
    return masked_load(e, type, p, lane_mask(e, lanes, valid), LLVMConstNull(type));
}

void store_n(Emit *e, V v, V p, int lanes, int valid)
{
    if (valid >= lanes) {
        store(e, v, p);
        return;
    }
    masked_store(e, v, p, lane_mask(e, lanes, valid));
}

V load_i32(Emit *e, V p, V index)
{
    V q = LLVMBuildInBoundsGEP2(e->b, e->i32, p, &index, 1, "");
    return LLVMBuildSExt(e->b, LLVMBuildLoad2(e->b, e->i32, q, ""), e->i64, "");
}

V var(Emit *e, LLVMTypeRef type, V init)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMPositionBuilderBefore(e->b, LLVMGetBasicBlockTerminator(e->entry));
    V v = LLVMBuildAlloca(e->b, type, "");
    LLVMPositionBuilderAtEnd(e->b, here);
    if (init)
        set(e, v, init);
    return v;
}
V get(Emit *e, V variable)
{
    return LLVMBuildLoad2(e->b, LLVMGetAllocatedType(variable), variable, "");
}
void set(Emit *e, V variable, V value) { LLVMBuildStore(e->b, value, variable); }

static LLVMBasicBlockRef block(Emit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->ctx, e->fn, name);
}

Loop loop_begin(Emit *e, V from, V to, int64_t step)
{
    Loop l;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b), body = block(e, "loop");
    l.head = block(e, "head");
    l.end = block(e, "done");
    LLVMBuildBr(e->b, l.head);
    LLVMPositionBuilderAtEnd(e->b, l.head);
    l.i = LLVMBuildPhi(e->b, e->i64, "i");
    LLVMAddIncoming(l.i, &from, &before, 1);
    LLVMBuildCondBr(e->b, lt(e, l.i, to), body, l.end);
    LLVMPositionBuilderAtEnd(e->b, body);
    l.next_step = ci(e, step);
    return l;
}

void loop_end(Emit *e, Loop *l)
{
    V next = add(e, l->i, l->next_step);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMAddIncoming(l->i, &next, &here, 1);
    LLVMBuildBr(e->b, l->head);
    LLVMPositionBuilderAtEnd(e->b, l->end);
}

If if_begin(Emit *e, V c)
{
    If f = {block(e, "else"), block(e, "endif"), false};
    LLVMBasicBlockRef then = block(e, "then");
    LLVMBuildCondBr(e->b, c, then, f.otherwise);
    LLVMPositionBuilderAtEnd(e->b, then);
    return f;
}

void if_else(Emit *e, If *f)
{
    LLVMBuildBr(e->b, f->end);
    LLVMPositionBuilderAtEnd(e->b, f->otherwise);
    f->has_else = true;
}

void if_end(Emit *e, If *f)
{
    LLVMBuildBr(e->b, f->end);
    if (!f->has_else) {
        LLVMPositionBuilderAtEnd(e->b, f->otherwise);
        LLVMBuildBr(e->b, f->end);
    }
    LLVMPositionBuilderAtEnd(e->b, f->end);
}

void task_range(Emit *e, V task, int64_t total, int64_t per, V *from, V *to)
{
    *from = mulc(e, task, per);
    *to = smin(e, addc(e, *from, per), ci(e, total));
}

V lanes_below(Emit *e, V limit, int lanes)
{
    V index[64];
    for (int i = 0; i < lanes; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)i, 0);
    V limits = LLVMBuildInsertElement(e->b, LLVMGetPoison(int_type(e, lanes)),
                                      LLVMBuildTrunc(e->b, limit, e->i32, ""),
                                      LLVMConstInt(e->i32, 0, 0), "");
    limits = LLVMBuildShuffleVector(e->b, limits, LLVMGetPoison(int_type(e, lanes)),
                                    LLVMConstNull(int_type(e, lanes)), "");
    return LLVMBuildICmp(e->b, LLVMIntSLT, LLVMConstVector(index, (unsigned)lanes), limits, "");
}
