/* bfloat16 operands: storage, rounding and the micro-kernel. Addresses of bf16 tensors count 16-bit
 * elements (at_bf16). A word is 32 bits, a pair of numbers. */
#ifndef LATENTC_EMIT_BF16_H
#define LATENTC_EMIT_BF16_H
#include "emit_micro.h"

/* &((uint16_t *)p)[index] */
V at_bf16(Emit *e, V p, V index);
/* Rounds to nearest, ties to even. */
void store_bf16(Emit *e, V x, V p, int lanes);
/* Tensors that hold f32 or, where only products read them, bf16: indices count elements. */
static inline V element_at(Emit *e, int bf16, V p, V index)
{
    return bf16 ? at_bf16(e, p, index) : at(e, p, index);
}
/* `lanes` numbers as f32. valid < lanes: f32 alone. */
V load_elements(Emit *e, int bf16, V p, int lanes, int valid);
/* valid < lanes: f32 alone. */
void store_elements(Emit *e, int bf16, V v, V p, int lanes, int valid);
/* Words, as a vector of `lanes` f32: the numbers of a and then of b, two a word; and a[i] with b[i]
 * in word i. */
V words_bf16(Emit *e, V a, V b, int lanes);
V pairs_bf16(Emit *e, V a, V b, int lanes);
/* The reverse of storing pairs_bf16(a, b). */
void load_pairs_bf16(Emit *e, V p, int lanes, V *a, V *b);
/* vdpbf16ps: acc + a . b, a vector of pairs each. Only for CORE_BF16_DOT. */
V dot_bf16(Emit *e, V acc, V a, V b);
/* As micro_run, operands in pairs: acc[i][v] += a[i][2k] * b[k * ldb + v * lanes][0] + a[i][2k + 1]
 * * b[..][1]; ldb in pairs. m->wide: a holds f32, which only f32 arithmetic takes. */
void micro_run_bf16(Emit *e, Micro *m, V b, V ldb, V pairs, int unroll);
#endif
