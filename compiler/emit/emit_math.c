/* Vector functions in f32, from short polynomials. Coefficients were fitted with weighted least
 * squares on Chebyshev nodes (relative error in exact arithmetic stated at each);
 * tests/unit/emit/test_math.c measures the error with rounding. */
#include "emit_math.h"
#include "plan.h"

static V horner(Emit *e, V x, const double *c, int n, int lanes)
{
    V r = cf(e, c[n - 1], lanes);
    for (int i = n - 2; i >= 0; i--)
        r = fp_fma(e, r, x, cf(e, c[i], lanes));
    return r;
}

static V join(Emit *e, V low, V high, int lanes)
{
    V index[64];
    for (int i = 0; i < lanes; i++)
        index[i] = LLVMConstInt(e->i32, (unsigned)i, 0);
    return LLVMBuildShuffleVector(e->b, low, high, LLVMConstVector(index, (unsigned)lanes), "");
}

static V bits_to_f32(Emit *e, V i, int lanes)
{
    return LLVMBuildBitCast(e->b, i, vec_type(e, lanes), "");
}

/* x is rounded to the integer n by adding 1.5 * 2^23, whose low mantissa bits then hold n: no
 * instruction beyond SSE2 is needed. *power is 2^n. */
static V split(Emit *e, V x, int lanes, V *power)
{
    const double magic = 12582912.0;
    V shifted = fp_add(e, x, cf(e, magic, lanes));
    V i = LLVMBuildBitCast(e->b, shifted, int_type(e, lanes), "");
    i = LLVMBuildShl(e->b, i, int_splat(e, 23, lanes), "");
    *power = bits_to_f32(e, LLVMBuildAdd(e->b, i, int_splat(e, 0x3f800000u, lanes), ""), lanes);
    return fp_sub(e, shifted, cf(e, magic, lanes));
}

/* NaN stays NaN: it is neither above `lo` nor below `hi`, and each comparison then keeps x. */
static V clamp(Emit *e, V x, double lo, double hi, int lanes)
{
    x = fp_max(e, cf(e, lo, lanes), x);
    V top = cf(e, hi, lanes);
    return choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, top, x, ""), top, x);
}

V m_exp(Emit *e, V x, int lanes)
{
    /* e^r for |r| <= ln2/2: 1.9e-9 */
    static const double c[] = {1.0,
                               1.0,
                               0.49999991059303284,
                               0.16666419804096222,
                               0.041668232530355453,
                               0.008374898694455624,
                               0.0013836737489327788};
    x = clamp(e, x, -87.0, 88.0, lanes);
    V power, n = split(e, fp_mul(e, x, cf(e, 1.4426950408889634, lanes)), lanes, &power);
    /* ln2 in two parts, the first with 9 trailing zero bits so that n times it is exact */
    V r = fp_fma(e, n, cf(e, -0.693359375, lanes), x);
    r = fp_fma(e, n, cf(e, 2.12194440e-4, lanes), r);
    return fp_mul(e, horner(e, r, c, 7, lanes), power);
}

/* 2^r for |r| <= 1/2: 1.9e-9 */
static const double exp2_coefficients[] = {1.0,
                                           0.6931471824645996,
                                           0.24022646248340607,
                                           0.05550328269600868,
                                           0.009618490003049374,
                                           0.0013400063617154956,
                                           0.00015345691645052284};

/* 2^r for |r| <= 1/2: 7.5e-5 */
static const double exp2_short[] = {0.9999280735565228, 0.693260985805715, 0.2426111220542839,
                                    0.05517166719038656};

static V exp2_fraction(Emit *e, V r, int lanes, Precision p)
{
    return p == FOR_BF16 ? horner(e, r, exp2_short, 4, lanes)
                         : horner(e, r, exp2_coefficients, 7, lanes);
}

/* AVX-512 takes the fraction and scales by the integer in one instruction each, for any x: no
 * clamp. */
static bool has_scale(const Emit *e, int lanes, Precision p)
{
    return p == FOR_BF16 && lanes >= 16 && (e->t->cpu_bits & LRT_CPU_AVX512);
}

static V exp2_scaled(Emit *e, V x)
{
    /* 2^r for 0 <= r < 1: 7.5e-5 */
    static const double c[] = {0.9999252185693699, 0.6958335403532498, 0.2260671558394704,
                               0.07802452235104688};
    V none = LLVMGetUndef(vec_type(e, 16)),
      all = LLVMConstInt(LLVMInt16TypeInContext(e->ctx), 0xffff, 0),
      as_set = LLVMConstInt(e->i32, 4, 0);
    V floor_of = LLVMConstInt(e->i32, 9, 0); /* x less the integer below it; no exceptions */
    V r = machine_intrinsic(e, "llvm.x86.avx512.mask.reduce.ps.512",
                            (V[]){x, floor_of, none, all, as_set}, 5);
    return machine_intrinsic(e, "llvm.x86.avx512.mask.scalef.ps.512",
                             (V[]){horner(e, r, c, 4, 16), x, none, all, as_set}, 5);
}

V m_exp2(Emit *e, V x, int lanes, Precision p)
{
    if (has_scale(e, lanes, p)) {
        if (lanes == 16)
            return exp2_scaled(e, x);
        return join(e, m_exp2(e, lanes_of(e, x, 0, lanes / 2), lanes / 2, p),
                    m_exp2(e, lanes_of(e, x, lanes / 2, lanes / 2), lanes / 2, p), lanes);
    }
    x = clamp(e, x, -126.0, 127.0, lanes);
    V power, n = split(e, x, lanes, &power);
    return fp_mul(e, exp2_fraction(e, fp_sub(e, x, n), lanes, p), power);
}

/* vrcp14ps: 6.1e-5; of an infinity: 0. */
static V over_one_plus_exp2_scaled(Emit *e, V x, V t)
{
    V d = fp_add(e, exp2_scaled(e, t), cf(e, 1.0, 16)),
      all = LLVMConstInt(LLVMInt16TypeInContext(e->ctx), 0xffff, 0);
    return fp_mul(e, x,
                  machine_intrinsic(e, "llvm.x86.avx512.rcp14.ps.512",
                                    (V[]){d, LLVMGetUndef(vec_type(e, 16)), all}, 3));
}

/* x / (1 + 2^t) for t <= 62: sigmoids, whose arguments the callers bound. Two registers at a time
 * share one division, the slowest instruction here: a/p = a q / (p q). With t <= 62 the product
 * stays finite. */
static V over_one_plus_exp2(Emit *e, V x, V t, int lanes, Precision precision)
{
    if (has_scale(e, lanes, precision)) {
        V part[4];
        for (int i = 0; i < lanes / 16; i++)
            part[i] = over_one_plus_exp2_scaled(e, lanes_of(e, x, 16 * i, 16),
                                                lanes_of(e, t, 16 * i, 16));
        return lanes == 16 ? part[0] : join(e, part[0], part[1], lanes);
    }
    V power, one = cf(e, 1.0, lanes), low = fp_max(e, t, cf(e, -126.0, lanes));
    V r = fp_sub(e, low, split(e, low, lanes, &power));
    V d = fp_fma(e, exp2_fraction(e, r, lanes, precision), power, one);
    if (lanes <= e->t->lanes)
        return fp_div(e, x, d);
    V p = lanes_of(e, d, 0, lanes / 2), q = lanes_of(e, d, lanes / 2, lanes / 2);
    V inverse = fp_div(e, cf(e, 1.0, lanes / 2), fp_mul(e, p, q));
    return fp_mul(e, x, join(e, fp_mul(e, q, inverse), fp_mul(e, p, inverse), lanes));
}

static const double log2_e = 1.4426950408889634;

/* x / (1 + exp(-factor x)). Where factor x is below -43 the true value is under 1e-17; a NaN stays
 * one. */
static V x_sigmoid(Emit *e, V x, double factor, int lanes, Precision p)
{
    if (!has_scale(e, lanes, p))
        x = fp_max(e, cf(e, -42.97 / factor, lanes), x);
    return over_one_plus_exp2(e, x, fp_mul(e, x, cf(e, -factor * log2_e, lanes)), lanes, p);
}

V m_swish(Emit *e, V x, int lanes, Precision p) { return x_sigmoid(e, x, 1.0, lanes, p); }

V m_gelu_quick(Emit *e, V x, int lanes, Precision p) { return x_sigmoid(e, x, 1.702, lanes, p); }

/* 0.5 g (1 + tanh u) = g / (1 + exp(-2u)), u = 0.7978845608 g (1 + 0.044715 g^2); below -7.5 under
 * 1e-17 */
V m_gelu_tanh(Emit *e, V g, int lanes, Precision precision)
{
    const double k = -2 * 0.7978845608 * log2_e;
    if (!has_scale(e, lanes, precision))
        g = fp_max(e, cf(e, -7.5, lanes), g);
    V p = fp_fma(e, fp_mul(e, g, g), cf(e, k * 0.044715, lanes), cf(e, k, lanes));
    return over_one_plus_exp2(e, g, fp_mul(e, g, p), lanes, precision);
}

/* g Phi(g); Phi(-|g|) = erfcx(x) exp(-x^2) / 2 with x = |g|/sqrt(2), erfcx as a polynomial in 1/(1
 * + 0.47 x): 6e-9 for x <= 9 */
V m_gelu_erf(Emit *e, V g, int lanes)
{
    static const double c[] = {1.3686133570445236e-05, 0.26480668783187866, 0.2693491280078888,
                               0.20827683806419373,    0.29250961542129517, -0.21614032983779907,
                               0.5847178101539612,     -0.6583396196365356, 0.31005194783210754,
                               -0.055245790630578995};
    V zero = cf(e, 0.0, lanes);
    V negative = LLVMBuildFCmp(e->b, LLVMRealOLT, g, zero, "");
    V x = fp_mul(e, choose(e, negative, LLVMBuildFNeg(e->b, g, ""), g),
                 cf(e, 0.7071067811865476, lanes));
    V t = fp_div(e, cf(e, 1.0, lanes), fp_fma(e, x, cf(e, 0.47, lanes), cf(e, 1.0, lanes)));
    V tail = fp_mul(e, horner(e, t, c, 10, lanes),
                    m_exp(e, LLVMBuildFNeg(e->b, fp_mul(e, x, x), ""), lanes));
    tail = fp_mul(e, tail, cf(e, 0.5, lanes));
    return fp_mul(e, g, choose(e, negative, tail, fp_sub(e, cf(e, 1.0, lanes), tail)));
}

/* Up to 1.875 x times a polynomial in x^2 (1.2e-8), beyond 3 - 6 / (exp(2 |x| / 3) + 1) with the
 * sign of x. The comparison is false for a NaN, and the polynomial keeps it. */
V m_soft_clamp(Emit *e, V x, int lanes)
{
    static const double c[] = {1.0,
                               -0.037036944180727005,
                               0.001645789248868823,
                               -7.36657966626808e-05,
                               3.1292279345507268e-06,
                               -9.471855832998699e-08};
    V negative = LLVMBuildFCmp(e->b, LLVMRealOLT, x, cf(e, 0.0, lanes), "");
    V size = choose(e, negative, LLVMBuildFNeg(e->b, x, ""), x);
    V small = fp_mul(e, x, horner(e, fp_mul(e, x, x), c, 6, lanes));
    V power = m_exp(e, fp_mul(e, size, cf(e, 2.0 / 3, lanes)), lanes);
    V large = fp_sub(e, cf(e, 3.0, lanes),
                     fp_div(e, cf(e, 6.0, lanes), fp_add(e, power, cf(e, 1.0, lanes))));
    large = choose(e, negative, LLVMBuildFNeg(e->b, large, ""), large);
    return choose(e, LLVMBuildFCmp(e->b, LLVMRealOGE, size, cf(e, 1.875, lanes), ""), large, small);
}
