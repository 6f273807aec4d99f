/* See quant.h. */
#include "quant.h"
#include "numbers.h"

#include <float.h>
#include <math.h>

const QuantRow quants[QUANT_COUNT] = {
#define QUANT(e, name, bits, range, otherwise) [QUANT_##e] = {bits, range, QUANT_##otherwise},
#include "quants.def"
};

const char *const quant_names[QUANT_COUNT] = {
#define QUANT(e, name, ...) [QUANT_##e] = #name,
#include "quants.def"
};

const char *const quantise_names[QUANTISE_COUNT] = {[QUANTISE_NOTHING] = "nothing",
                                                    [QUANTISE_INT8] = "int8",
                                                    [QUANTISE_INT8_MEMORY] = "int8_memory",
                                                    [QUANTISE_W8] = "w8",
                                                    [QUANTISE_W4] = "w4"};

float quant_weight_scale(int bits, float most)
{
    return bits == 4 ? f32_of_bf16(bf16_of(most / 7)) : most / 127;
}

int quant_weight(float w, float scale)
{
    return scale > 0 && scale <= FLT_MAX ? (int)rintf(w / scale) : 0;
}

QuantOperand quant_operand(float low, float high, float poison)
{
    low = fminf(low, 0);
    high = fmaxf(high, 0);
    QuantOperand q = {.scale = (high - low) / 255 + poison};
    q.inverse = q.scale >= FLT_MIN ? 1 / q.scale : 0;
    q.zero = q.inverse > 0 ? (int32_t)rintf(-low * q.inverse) : 0;
    return q;
}

int quant_number(const QuantOperand *q, float x)
{
    if (!(q->inverse > 0))
        return q->zero;
    int v = (int)rintf(x * q->inverse) + q->zero;
    return v < 0 ? 0 : v > 255 ? 255 : v;
}
