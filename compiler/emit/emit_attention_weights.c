/* Attention on vectors without a running maximum:
 *
 *   r[query] = maximum over the first panel of keys S
 *   for each block of keys
 *     P = 2^(S - r), as operands; sums of l                micro-kernel; S stays in registers
 *     O += P . values                                      micro-kernel
 *   y = O / l
 *
 * P and O are floating-point numbers with the same factor 2^-r as l, so any r near the maximum
 * gives the same result. Scores begin with -r instead of zero, and neither they nor their maxima
 * pass through memory. A sum of `too_large` or more means that r was too small: then the task is
 * done again with running maxima. On the tile unit it is the same (emit_attention_tiles.c). */
#include "emit_attention_weights.h"
#include "emit_math.h"
#include <math.h>
#include <stddef.h>

static const double too_large = 18446744073709551616.0; /* 2^64 */

bool attention_keeps_scale(const Attention *a)
{
    return key_blocks(a) > 1 && !a->causal && a->m % a->lanes == 0;
}

/* With vdpbf16ps, P is made from whole numbers, 32 at a time: u = 256 (S - r) + 127 * 256 + 1 has
 * the exponent of P in its upper half and its fraction f in the lower half. P as bf16 is u / 2
 * without T[f / 4] = 256 (1 + x - 2^x), x = f / 256, so a table of 64 words does for the fraction.
 * None of it needs the units that multiply. */
enum { WORD_ONE = 256, WORD_START = 127 * WORD_ONE + 1, WORD_MOST = 65535, WORDS = 32 };

static bool makes_words(const Attention *a, const Target *t)
{
    return a->bf16 && t->core == CORE_BF16_DOT && t->lanes == 16 && attention_keeps_scale(a);
}

double attention_unit(const Attention *a, const Target *t)
{
    return makes_words(a, t) ? WORD_ONE : 1;
}

/* r, or where scores are whole numbers r - WORD_START: scores begin with minus that. */
void attention_start(Emit *e, const VectorAttention *x)
{
    int lanes = x->a->lanes;
    V zero = cf(e, makes_words(x->a, e->t) ? WORD_START : 0, lanes);
    Loop i = loop_begin(e, ci(e, 0), ci(e, query_rows(x->a)), lanes);
    V max = at(e, x->max, i.i);
    store(e, fp_sub(e, zero, load(e, max, lanes)), max);
    loop_end(e, &i);
}

static LLVMTypeRef words_type(const Emit *e)
{
    return LLVMVectorType(LLVMInt16TypeInContext(e->ctx), WORDS);
}

static V word_splat(const Emit *e, unsigned n)
{
    V word[WORDS];
    for (int i = 0; i < WORDS; i++)
        word[i] = LLVMConstInt(LLVMInt16TypeInContext(e->ctx), n, 0);
    return LLVMConstVector(word, WORDS);
}

/* T from `first` on. The bin's middle is half a unit beyond its first f, since u has one more. */
static V correction(const Emit *e, int first)
{
    V word[WORDS];
    for (int i = 0; i < WORDS; i++) {
        double f = (4 * (first + i) + 0.5) / WORD_ONE;
        word[i] = LLVMConstInt(LLVMInt16TypeInContext(e->ctx),
                               (unsigned)lrint(WORD_ONE * (1 + f - exp2(f))), 0);
    }
    return LLVMConstVector(word, WORDS);
}

/* Rounded to nearest. NaN and what is too large become WORD_MOST, which makes a P of NaN. */
static V whole_number(Emit *e, V x)
{
    V most = cf(e, WORD_MOST, 16);
    x = choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, x, most, ""), x, most);
    return machine_intrinsic(e, "llvm.x86.avx512.mask.cvtps2dq.512",
                             (V[]){x, LLVMGetUndef(int_type(e, 16)),
                                   LLVMConstInt(LLVMInt16TypeInContext(e->ctx), 0xffff, 0),
                                   LLVMConstInt(e->i32, 4, 0)},
                             4);
}

/* P of two vectors of u, in order, as bf16. */
static V weights_words(Emit *e, V a, V b)
{
    LLVMTypeRef quads = LLVMVectorType(LLVMInt64TypeInContext(e->ctx), 8);
    V u = machine_intrinsic(e, "llvm.x86.avx512.packusdw.512",
                            (V[]){whole_number(e, a), whole_number(e, b)}, 2);
    V t = machine_intrinsic(
        e, "llvm.x86.avx512.vpermi2var.hi.512",
        (V[]){correction(e, 0), LLVMBuildLShr(e->b, u, word_splat(e, 2), ""), correction(e, WORDS)},
        3);
    V above = LLVMBuildICmp(e->b, LLVMIntUGT, u, t, ""); /* else u - T would wrap */
    V p = LLVMBuildSub(e->b, LLVMBuildSelect(e->b, above, u, t, ""), t, "");
    p = LLVMBuildLShr(e->b, p, word_splat(e, 1), "");
    V index[8];
    for (unsigned i = 0; i < 8; i++)
        index[i] = LLVMConstInt(e->i32, i % 4 * 2 + i / 4, 0); /* packing takes turns */
    p = LLVMBuildBitCast(e->b, p, quads, "");
    p = LLVMBuildShuffleVector(e->b, p, LLVMGetPoison(quads), LLVMConstVector(index, 8), "");
    return LLVMBuildBitCast(e->b, p, words_type(e), "");
}

/* P of one row of a register tile, and its sums. */
static void words_row(Emit *e, const Scores *s, const Micro *m, int i, V row)
{
    const VectorAttention *x = s->x;
    V p = attention_row(e, x->scores, row, score_stride(x->a)),
      sums = attention_row(e, x->sums, row, 16), total = load(e, sums, 16);
    for (int v = 0; v < s->nvec; v += 2) {
        bool both = v + 1 < s->nvec;
        V w = weights_words(e, get(e, m->acc[i][v]),
                            both ? get(e, m->acc[i][v + 1]) : cf(e, 0, 16));
        total = dot_bf16(e, total, w, word_splat(e, 0x3f80));
        V to = at_bf16(e, p, addc(e, s->column, (int64_t)v * 16));
        w = both ? w : lanes_of(e, w, 0, 16);
        LLVMSetAlignment(LLVMBuildStore(e->b, w, to), 2);
    }
    store(e, total, sums);
}

/* P of one row of a register tile. */
static void weights_row(Emit *e, const Scores *s, const Micro *m, int i, V row)
{
    const VectorAttention *x = s->x;
    int lanes = x->a->lanes;
    V p = attention_row(e, x->scores, row, score_stride(x->a)),
      sums = attention_row(e, x->sums, row, lanes), total = load(e, sums, lanes);
    for (int v = 0; v < s->nvec; v++) {
        V key = addc(e, s->column, (int64_t)v * lanes),
          w = m_exp2(e, get(e, m->acc[i][v]), lanes, x->a->bf16 ? FOR_BF16 : FOR_F32);
        total = fp_add(e, total, w);
        store_elements(e, x->a->bf16, w, element_at(e, x->a->bf16, p, key), lanes, lanes);
    }
    store(e, total, sums);
}

void attention_weights_tile(Emit *e, const void *scores, V row, int rows)
{
    const Scores *s = scores;
    Micro m;
    V start[16];
    micro_init(e, &m, rows, s->nvec);
    for (int i = 0; i < rows; i++)
        start[i] = load(e, at(e, s->x->max, addc(e, row, i)), 1);
    attention_scores_product(e, s, &m, row, start);
    for (int i = 0; i < rows; i++)
        (makes_words(s->x->a, e->t) ? words_row : weights_row)(e, s, &m, i, addc(e, row, i));
}

V attention_totals(Emit *e, const VectorAttention *x)
{
    int lanes = x->a->lanes;
    V bad = var(e, e->i1, NULL);
    set(e, bad, LLVMConstInt(e->i1, 0, 0));
    Loop q = loop_begin(e, ci(e, 0), ci(e, x->a->query_block), 1);
    V total = reduce_add(e, load(e, attention_row(e, x->sums, q.i, lanes), lanes), lanes);
    store(e, total, at(e, x->sum, q.i));
    V above = LLVMBuildFCmp(e->b, LLVMRealUGE, total, cf(e, too_large, 1), "");
    set(e, bad, LLVMBuildOr(e->b, get(e, bad), above, ""));
    loop_end(e, &q);
    return get(e, bad);
}
