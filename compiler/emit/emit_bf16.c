/* bfloat16 operands with sums in f32: storage, rounding, and the micro-kernel. An operand is
 * rounded to nearest, ties to even, when it is stored; products of two of them are exact in f32.
 *
 * Channels lie in pairs: a holds them in order, b as [pair][column][2], so that one 32-bit lane is
 * a pair. Where the target has it, vdpbf16ps takes a pair a lane; elsewhere the halves are moved to
 * the upper 16 bits, which makes f32 numbers of them. */
#include "emit_bf16.h"
#include "plan.h"
#include "err.h"

V at_bf16(Emit *e, V p, V index)
{
    return LLVMBuildInBoundsGEP2(e->b, LLVMInt16TypeInContext(e->ctx), p, &index, 1, "");
}

static V bf16_intrinsic(Emit *e, const char *name, V *args, unsigned n)
{
    e->cpu |= LRT_CPU_AVX512_BF16;
    return machine_intrinsic(e, name, args, n);
}

static V rounded(Emit *e, V x, int lanes)
{
    LLVMTypeRef i16 = LLVMInt16TypeInContext(e->ctx);
    if (lanes > 1)
        i16 = LLVMVectorType(i16, (unsigned)lanes);
    if (target_rounds_bf16(e->t) && lanes == 16)
        return LLVMBuildBitCast(
            e->b, bf16_intrinsic(e, "llvm.x86.avx512bf16.cvtneps2bf16.512", &x, 1), i16, "");
    V u = LLVMBuildBitCast(e->b, x, int_type(e, lanes), ""), sixteen = int_splat(e, 16, lanes);
    V odd = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, u, sixteen, ""), int_splat(e, 1, lanes), "");
    V up = LLVMBuildAdd(e->b, LLVMBuildAdd(e->b, u, int_splat(e, 0x7fff, lanes), ""), odd, "");
    V nan = LLVMBuildFCmp(e->b, LLVMRealUNO, x, x, "");
    up = choose(e, nan, int_splat(e, 0x7fc00000, lanes), up);
    return LLVMBuildTrunc(e->b, LLVMBuildLShr(e->b, up, sixteen, ""), i16, "");
}

void store_bf16(Emit *e, V x, V p, int lanes)
{
    int most = e->t->lanes;
    for (int i = 0; i < lanes; i += most) {
        int n = lanes < most ? lanes : most;
        V part = lanes > most ? lanes_of(e, x, i, n) : x;
        LLVMSetAlignment(LLVMBuildStore(e->b, rounded(e, part, n), at_bf16(e, p, ci(e, i))), 2);
    }
}

V load_elements(Emit *e, int bf16, V p, int lanes, int valid)
{
    if (!bf16)
        return load_n(e, p, lanes, valid);
    CHECK(valid >= lanes);
    LLVMTypeRef i16 = LLVMInt16TypeInContext(e->ctx);
    if (lanes > 1)
        i16 = LLVMVectorType(i16, (unsigned)lanes);
    V half = LLVMBuildLoad2(e->b, i16, p, "");
    LLVMSetAlignment(half, 2);
    V whole = LLVMBuildZExt(e->b, half, int_type(e, lanes), "");
    whole = LLVMBuildShl(e->b, whole, int_splat(e, 16, lanes), "");
    return LLVMBuildBitCast(e->b, whole, vec_type(e, lanes), "");
}

void store_elements(Emit *e, int bf16, V v, V p, int lanes, int valid)
{
    CHECK(!bf16 || valid >= lanes);
    if (bf16)
        store_bf16(e, v, p, lanes);
    else
        store_n(e, v, p, lanes, valid);
}

V words_bf16(Emit *e, V a, V b, int lanes)
{
    LLVMTypeRef words = vec_type(e, lanes);
    if (target_rounds_bf16(e->t) && lanes == 16)
        return LLVMBuildBitCast(
            e->b, bf16_intrinsic(e, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", (V[]){b, a}, 2), words,
            "");
    V index[128];
    for (int i = 0; i < 2 * lanes; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)i, 0);
    V both = LLVMBuildShuffleVector(e->b, rounded(e, a, lanes), rounded(e, b, lanes),
                                    LLVMConstVector(index, 2 * (unsigned)lanes), "");
    return LLVMBuildBitCast(e->b, both, words, "");
}

V pairs_bf16(Emit *e, V a, V b, int lanes)
{
    if (target_rounds_bf16(e->t) &&
        lanes == 16) { /* one instruction rounds both, another interleaves */
        LLVMTypeRef halves = LLVMVectorType(LLVMInt16TypeInContext(e->ctx), 32);
        V index[32], words = LLVMBuildBitCast(e->b, words_bf16(e, a, b, lanes), halves, "");
        for (unsigned i = 0; i < 32; i++)
            index[i] = LLVMConstInt(e->i32, i / 2 + i % 2 * 16, 0);
        words = LLVMBuildShuffleVector(e->b, words, LLVMGetPoison(halves),
                                       LLVMConstVector(index, 32), "");
        return LLVMBuildBitCast(e->b, words, vec_type(e, lanes), "");
    }
    V low = LLVMBuildZExt(e->b, rounded(e, a, lanes), int_type(e, lanes), ""),
      high = LLVMBuildZExt(e->b, rounded(e, b, lanes), int_type(e, lanes), "");
    high = LLVMBuildShl(e->b, high, int_splat(e, 16, lanes), "");
    return LLVMBuildBitCast(e->b, LLVMBuildOr(e->b, low, high, ""), vec_type(e, lanes), "");
}

static V load_pairs(Emit *e, V p, int lanes)
{
    V v = LLVMBuildLoad2(e->b, int_type(e, lanes), p, "");
    LLVMSetAlignment(v, 4);
    return v;
}

static V half(Emit *e, V pairs, int lanes, int second)
{
    V u = second ? LLVMBuildAnd(e->b, pairs, int_splat(e, 0xffff0000u, lanes), "")
                 : LLVMBuildShl(e->b, pairs, int_splat(e, 16, lanes), "");
    return LLVMBuildBitCast(e->b, u, vec_type(e, lanes), "");
}

void load_pairs_bf16(Emit *e, V p, int lanes, V *a, V *b)
{
    V pairs = load_pairs(e, p, lanes);
    *a = half(e, pairs, lanes, 0);
    *b = half(e, pairs, lanes, 1);
}

/* As floats the bits of a splat move unchanged. */
static V splat_pair(Emit *e, V pair, int lanes)
{
    return splat(e, LLVMBuildBitCast(e->b, pair, e->f32, ""), lanes);
}

V dot_bf16(Emit *e, V acc, V a, V b)
{
    return bf16_intrinsic(e, "llvm.x86.avx512bf16.dpbf16ps.512", (V[]){acc, a, b}, 3);
}

static void step_pairs(Emit *e, Micro *m, V k, V row)
{
    int lanes = e->t->lanes;
    V bv[4];
    for (int v = 0; v < m->nvec; v++)
        bv[v] = load_pairs(e, atc(e, row, m->offset[v]), lanes);
    for (int i = 0; i < m->rows; i++) {
        V a = splat_pair(e, load_pairs(e, at(e, m->a[i], k), 1), lanes);
        for (int v = 0; v < m->nvec; v++)
            set(e, m->acc[i][v], dot_bf16(e, get(e, m->acc[i][v]), a, bv[v]));
    }
}

static V half_of_row(Emit *e, V row, V k, int second)
{
    int lanes = e->t->lanes;
    V pair = splat_pair(e, load_pairs(e, at(e, row, k), 1), lanes);
    return half(e, LLVMBuildBitCast(e->b, pair, int_type(e, lanes), ""), lanes, second);
}

/* First or second numbers of the pairs, as f32. */
static void step_halves(Emit *e, Micro *m, V k, V row, int second)
{
    int lanes = e->t->lanes;
    V bv[4];
    for (int v = 0; v < m->nvec; v++)
        bv[v] = half(e, load_pairs(e, atc(e, row, m->offset[v]), lanes), lanes, second);
    for (int i = 0; i < m->rows; i++) {
        V a = m->wide ? splat(e, load(e, at(e, m->a[i], addc(e, mulc(e, k, 2), second)), 1), lanes)
                      : half_of_row(e, m->a[i], k, second);
        for (int v = 0; v < m->nvec; v++)
            set(e, m->acc[i][v], fp_fma(e, a, bv[v], get(e, m->acc[i][v])));
    }
}

/* Halves have a loop each. In one, the words of both operands would live from the first half to the
 * second, and AVX2 has no registers for them: LLVM spills accumulators then. */
void micro_run_bf16(Emit *e, Micro *m, V b, V ldb, V pairs, int unroll)
{
    bool dot = e->t->core == CORE_BF16_DOT;
    for (int h = 0; h < (dot ? 1 : 2); h++) {
        Loop l = loop_begin(e, ci(e, 0), pairs, unroll);
        if (m->overlap && h == 0)
            m->overlap(e, m->user);
        for (int u = 0; u < unroll; u++) {
            V k = addc(e, l.i, u), row = at(e, b, mul(e, k, ldb));
            if (dot)
                step_pairs(e, m, k, row);
            else
                step_halves(e, m, k, row, h);
        }
        loop_end(e, &l);
    }
}
