/* Functions of vectors. Errors are measured by tests/unit/emit/test_math.c. */
#ifndef LATENTC_EMIT_MATH_H
#define LATENTC_EMIT_MATH_H
#include "emit.h"

/* lanes may be 1, or twice t->lanes: then the sigmoids of m_swish, m_gelu_tanh and m_gelu_quick
 * divide once for
 * two registers. */
V m_exp(Emit *e, V x, int lanes); /* relative error below 1.5e-7 in [-87, 88]; clamped outside */
/* The use of the result. FOR_BF16: it, or a value computed from it, is rounded to bfloat16, which
 * adds up to 3.9e-3. The function's own relative error is then below 8e-5 (m_exp2) or 1.5e-4 (the
 * others), for finite x. */
typedef enum { FOR_F32, FOR_BF16 } Precision;
V m_exp2(Emit *e, V x, int lanes, Precision p); /* FOR_F32: like m_exp; in [-126, 127] */
V m_swish(Emit *e, V x, int lanes, Precision p);
V m_gelu_tanh(Emit *e, V x, int lanes, Precision p);
V m_gelu_erf(Emit *e, V x, int lanes);
V m_gelu_quick(Emit *e, V x, int lanes, Precision p);
V m_soft_clamp(Emit *e, V x, int lanes); /* 3 tanh(x / 3) */
#endif
