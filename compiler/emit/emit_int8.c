/* See emit_int8.h. */
#include "emit_int8.h"
#include "plan.h"
#include "err.h"
#include <float.h>
#include <string.h>

/* x + 1.5 * 2^23 has the whole number nearest to x, ties to even, in its lowest bits. */
static const double ROUND = 12582912;
static const uint32_t ROUND_BITS = 0x4b400000;

static V int_sub(Emit *e, V a, V b) { return LLVMBuildSub(e->b, a, b, ""); }
static V int_add(Emit *e, V a, V b) { return LLVMBuildAdd(e->b, a, b, ""); }
static V int_mul(Emit *e, V a, V b) { return LLVMBuildMul(e->b, a, b, ""); }

static V splat_i32(Emit *e, V x, int lanes)
{
    V s = splat(e, LLVMBuildBitCast(e->b, x, e->f32, ""), lanes);
    return LLVMBuildBitCast(e->b, s, int_type(e, lanes), "");
}

/* The nearest whole number plus ROUND_BITS; any, where x is no number. */
static V rounded(Emit *e, V x, int lanes)
{
    return LLVMBuildBitCast(e->b, fp_add(e, x, cf(e, ROUND, lanes)), int_type(e, lanes), "");
}

QuantValues emit_quant_operand(Emit *e, V low, V high, V poison)
{
    V none = cf(e, 0, 1);
    low = choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, low, none, ""), low, none);
    high = fp_max(e, high, none);
    QuantValues q = {.exact = true};
    q.scale = fp_add(e, fp_div(e, fp_sub(e, high, low), cf(e, 255, 1)), poison);
    V wide = LLVMBuildFCmp(e->b, LLVMRealOGE, q.scale, cf(e, FLT_MIN, 1), "");
    q.inverse = choose(e, wide, fp_div(e, cf(e, 1, 1), q.scale), none);
    q.zero = int_sub(e, rounded(e, fp_mul(e, fp_sub(e, none, low), q.inverse), 1),
                     int_splat(e, ROUND_BITS, 1));
    return q;
}

void store_quant(Emit *e, const QuantValues *q, V p)
{
    store(e, q->scale, p);
    store(e, q->inverse, atc(e, p, 1));
    store(e, q->zero, atc(e, p, 2));
}

QuantValues load_quant(Emit *e, V p)
{
    V zero = load(e, atc(e, p, 2), 1);
    return (QuantValues){.scale = load(e, p, 1),
                         .inverse = load(e, atc(e, p, 1), 1),
                         .zero = LLVMBuildBitCast(e->b, zero, e->i32, "")};
}

void store_int8(Emit *e, V x, const QuantValues *q, V p, int lanes)
{
    LLVMTypeRef bytes = LLVMInt8TypeInContext(e->ctx);
    if (lanes > 1)
        bytes = LLVMVectorType(bytes, (unsigned)lanes);
    V n = rounded(e, fp_mul(e, x, splat(e, q->inverse, lanes)), lanes),
      most = int_splat(e, 255, lanes);
    n = int_add(e, n, splat_i32(e, int_sub(e, q->zero, int_splat(e, ROUND_BITS, 1)), lanes));
    /* never negative if exact: the least number and the zero point round alike */
    if (!q->exact) {
        V none = int_splat(e, 0, lanes);
        n = choose(e, LLVMBuildICmp(e->b, LLVMIntSLT, n, none, ""), none, n);
    }
    n = choose(e, LLVMBuildICmp(e->b, LLVMIntULT, n, most, ""), n, most);
    LLVMSetAlignment(LLVMBuildStore(e->b, LLVMBuildTrunc(e->b, n, bytes, ""), p), 1);
}

V emit_quant_scale(Emit *e, const NumberRange *r)
{
    V most = fp_max(e, r->high, fp_sub(e, cf(e, 0, 1), r->low));
    return fp_add(e, fp_div(e, most, cf(e, 127, 1)), r->poison);
}

V whole_int8(Emit *e, V x, V scale, int lanes)
{
    V usable = LLVMBuildFCmp(e->b, LLVMRealOGT, scale, cf(e, 0, 1), "");
    V by = splat(e, choose(e, usable, scale, cf(e, 1, 1)), lanes);
    return int_sub(e, rounded(e, fp_div(e, x, by), lanes), int_splat(e, ROUND_BITS, lanes));
}

static V narrow(Emit *e, V x, int lanes)
{
    LLVMTypeRef bytes = LLVMVectorType(LLVMInt8TypeInContext(e->ctx), (unsigned)lanes);
    return LLVMBuildTrunc(e->b, x, bytes, "");
}

void store_unsigned_int8(Emit *e, V x, V scale, V p, int lanes)
{
    V n = int_add(e, whole_int8(e, x, scale, lanes), int_splat(e, 128, lanes));
    LLVMSetAlignment(LLVMBuildStore(e->b, narrow(e, n, lanes), p), 1);
}

static V joined(Emit *e, V a, V b, int lanes)
{
    V index[128];
    for (int i = 0; i < 2 * lanes; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)i, 0);
    return LLVMBuildShuffleVector(e->b, a, b, LLVMConstVector(index, 2 * (unsigned)lanes), "");
}

V words_int8(Emit *e, V part[4], int lanes)
{
    V all = joined(e, joined(e, part[0], part[1], lanes), joined(e, part[2], part[3], lanes),
                   2 * lanes);
    return LLVMBuildBitCast(e->b, narrow(e, all, 4 * lanes), vec_type(e, lanes), "");
}

/* ---- products ---- */

/* Vectors of 16-bit numbers: the sum of two neighbours' products in each 32-bit lane. */
static V multiply_pairs(Emit *e, V a, V b, int lanes)
{
    static const struct {
        uint32_t cpu;
        int lanes;
        const char *name;
    } forms[] = {{LRT_CPU_AVX512, 16, "llvm.x86.avx512.pmaddw.d.512"},
                 {LRT_CPU_AVX2, 8, "llvm.x86.avx2.pmadd.wd"},
                 {0, 4, "llvm.x86.sse2.pmadd.wd"}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (lanes == forms[i].lanes && (e->t->cpu_bits & forms[i].cpu) == forms[i].cpu)
            return machine_intrinsic(e, forms[i].name, (V[]){a, b}, 2);
    /* a vector of two registers */
    V index[64];
    int half = lanes / 2;
    V low = multiply_pairs(e, lanes_of(e, a, 0, half), lanes_of(e, b, 0, half), half),
      high = multiply_pairs(e, lanes_of(e, a, half, half), lanes_of(e, b, half, half), half);
    for (int i = 0; i < lanes; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)i, 0);
    return LLVMBuildShuffleVector(e->b, low, high, LLVMConstVector(index, (unsigned)lanes), "");
}

/* Bytes 0 and 2 of every word, or 1 and 3, as 16-bit numbers. */
static V every_other(Emit *e, V words, int lanes, bool odd, bool is_signed)
{
    LLVMTypeRef halves = LLVMVectorType(LLVMInt16TypeInContext(e->ctx), 2 * (unsigned)lanes);
    V eight = LLVMConstInt(LLVMInt16TypeInContext(e->ctx), 8, 0), all[128];
    for (int i = 0; i < 2 * lanes; i++)
        all[i] = eight;
    V by = LLVMConstVector(all, 2 * (unsigned)lanes), x = LLVMBuildBitCast(e->b, words, halves, "");
    if (!odd)
        x = LLVMBuildShl(e->b, x, by, "");
    x = is_signed ? LLVMBuildAShr(e->b, x, by, "") : LLVMBuildLShr(e->b, x, by, "");
    return LLVMBuildBitCast(e->b, x, int_type(e, lanes), "");
}

/* Without an instruction for it: bytes are widened to 16 bits, whose products do not overflow. */
static V dot_widened(Emit *e, V acc, V a, V b)
{
    int lanes = e->t->lanes;
    for (int odd = 0; odd < 2; odd++) {
        V x = every_other(e, a, lanes, odd, false), y = every_other(e, b, lanes, odd, true);
        acc = int_add(e, acc, multiply_pairs(e, x, y, lanes));
    }
    return acc;
}

/* The intrinsic of NEON for these types: that of the result, and of the arguments where it differs.
 */
static V neon(Emit *e, const char *name, LLVMTypeRef result, LLVMTypeRef of, V *args, unsigned n)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    CHECK(id != 0);
    LLVMTypeRef types[2] = {result, of};
    size_t n_types = of ? 2 : 1;
    V f = LLVMGetIntrinsicDeclaration(e->mod, id, types, n_types);
    return LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->ctx, id, types, n_types), f, args, n, "");
}

static LLVMTypeRef ints(const Emit *e, unsigned bits, unsigned lanes)
{
    return LLVMVectorType(LLVMIntTypeInContext(e->ctx, bits), lanes);
}

/* Eight of sixteen bytes. */
static V half_of_bytes(Emit *e, V bytes, unsigned from)
{
    V index[8];
    for (unsigned i = 0; i < 8; i++)
        index[i] = LLVMConstInt(e->i32, from + i, 0);
    return LLVMBuildShuffleVector(e->b, bytes, bytes, LLVMConstVector(index, 8), "");
}

/* Signed bytes, none of b is -128: a product of two is at most 128 * 127, the sum of two products
 * fits 16 bits. */
static V dot_neon(Emit *e, V acc, V a, V b)
{
    LLVMTypeRef shorts = ints(e, 16, 8), sums = ints(e, 32, 4);
    V product[2];
    for (unsigned h = 0; h < 2; h++)
        product[h] = neon(e, "llvm.aarch64.neon.smull", shorts, NULL,
                          (V[]){half_of_bytes(e, a, 8 * h), half_of_bytes(e, b, 8 * h)}, 2);
    V pairs = neon(e, "llvm.aarch64.neon.addp", shorts, NULL, product, 2);
    return int_add(e, acc, neon(e, "llvm.aarch64.neon.saddlp", sums, shorts, &pairs, 1));
}

/* Arm multiplies signed bytes: the operand there is q - 128. */
static uint32_t dot_offset(const Target *t)
{
    return t->dot8 == DOT8_NEON || t->dot8 == DOT8_SDOT ? 128 : 0;
}

static V dot_signed(Emit *e, V acc, V a, V b)
{
    LLVMTypeRef bytes = ints(e, 8, 16);
    a = LLVMBuildXor(e->b, a, int_splat(e, 0x80808080u, 4), ""); /* q - 128 */
    a = LLVMBuildBitCast(e->b, a, bytes, "");
    b = LLVMBuildBitCast(e->b, b, bytes, "");
    if (e->t->dot8 == DOT8_NEON)
        return dot_neon(e, acc, a, b);
    e->cpu |= LRT_CPU_DOTPROD;
    return neon(e, "llvm.aarch64.neon.sdot", ints(e, 32, 4), bytes, (V[]){acc, a, b}, 3);
}

V dot_int8(Emit *e, V acc, V a, V b)
{
    switch (e->t->dot8) {
    case DOT8_PAIRS: return dot_widened(e, acc, a, b);
    case DOT8_NEON:
    case DOT8_SDOT: return dot_signed(e, acc, a, b);
    case DOT8_VNNI256:
        e->cpu |= LRT_CPU_AVX_VNNI;
        return machine_intrinsic(e, "llvm.x86.avx512.vpdpbusd.256", (V[]){acc, a, b}, 3);
    case DOT8_VNNI512:
        e->cpu |= LRT_CPU_AVX512_VNNI;
        return machine_intrinsic(e, "llvm.x86.avx512.vpdpbusd.512", (V[]){acc, a, b}, 3);
    }
    die("no product of bytes for %s", e->t->name);
}

/* ---- the micro-kernel ---- */

void micro_init_int8(Emit *e, Micro *m, int rows, int nvec)
{
    int lanes = e->t->lanes;
    micro_init(e, m, rows, nvec);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < nvec; v++)
            m->acc[i][v] = var(e, int_type(e, lanes), int_splat(e, 0, lanes));
}

static V load_words(Emit *e, V p, int lanes)
{
    V v = LLVMBuildLoad2(e->b, int_type(e, lanes), p, "");
    LLVMSetAlignment(v, 4);
    return v;
}

void micro_run_int8(Emit *e, Micro *m, V b, V ldb, V words, int unroll)
{
    int lanes = e->t->lanes;
    Loop l = loop_begin(e, ci(e, 0), words, unroll);
    for (int u = 0; u < unroll; u++) {
        V k = addc(e, l.i, u), row = at(e, b, mul(e, k, ldb)), bv[4];
        for (int v = 0; v < m->nvec; v++)
            bv[v] = load_words(e, atc(e, row, m->offset[v]), lanes);
        for (int i = 0; i < m->rows; i++) {
            V a = splat_i32(e, load_words(e, at(e, m->a[i], k), 1), lanes);
            for (int v = 0; v < m->nvec; v++)
                set(e, m->acc[i][v], dot_int8(e, get(e, m->acc[i][v]), a, bv[v]));
        }
    }
    loop_end(e, &l);
}

V sums_of_int8(Emit *e, V sum, const QuantValues *row, V columns, V column_scales)
{
    int lanes = e->t->lanes;
    columns = LLVMBuildBitCast(e->b, columns, int_type(e, lanes), "");
    V zero = int_sub(e, row->zero, int_splat(e, dot_offset(e->t), 1));
    V whole = int_sub(e, sum, int_mul(e, splat_i32(e, zero, lanes), columns));
    return fp_mul(e, LLVMBuildSIToFP(e->b, whole, vec_type(e, lanes), ""),
                  fp_mul(e, column_scales, splat(e, row->scale, lanes)));
}
