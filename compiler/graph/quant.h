/* Quantised products: which there are, and what their numbers mean. The interpreter, the packing of
 * weights and generated code follow the same definitions, in f32 arithmetic.
 *
 * Weights of 8 bits: one scale per column o of the kernel, over all taps and channels.
 *
 *     scale[o] = max |w[.., o]| / 127        q = round(w / scale[o]), -127 .. 127
 *
 * Weights of 4 bits: one scale per column, tap and group of QUANT_GROUP input channels; the last
 * group may be shorter. The scale is rounded to bfloat16 before it is used.
 *
 *     scale[t][g][o] = bf16(max |w| / 7)     q = round(w / scale), -7 .. 7
 *
 * Operands of 8 bits: one scale and zero point per row (the channels of a pixel or token) or per
 * batch element, from the least and the greatest number of what the load yields, and 0.
 *
 *     scale = (high - low) / 255             zero = round(-low / scale)
 *     q = clamp(round(x / scale) + zero, 0, 255)       as x * (1 / scale)
 *
 * Padding around a picture holds `zero`. The product sums whole numbers, exactly:
 *
 *     sum of (q - zero) * q_weight  times  scale * scale[o]
 *
 * Scores of attention: queries and keys are rounded as weights of 8 bits are, with one scale for a
 * row of a head. First the mean of QUANT_MEAN_KEYS keys is taken off all keys, of number j * m /
 * QUANT_MEAN_KEYS of m (of all keys, where they are fewer): softmax does not see what all have in
 * common, so any such vector is as right.
 *
 * A number that is no number or infinite makes its scale NaN, and so the results that read it. */
#ifndef LATENTC_QUANT_H
#define LATENTC_QUANT_H
#include <stdbool.h>
#include <stdint.h>

typedef enum { NO_RANGE, ROW_RANGE, IMAGE_RANGE } QuantRange;

typedef enum {
#define QUANT(e, ...) QUANT_##e,
#include "quants.def"
    QUANT_COUNT
} Quant;

typedef struct {
    int bits;
    QuantRange range;
    Quant otherwise;
} QuantRow;
extern const QuantRow quants[QUANT_COUNT];
extern const char *const quant_names[QUANT_COUNT];

/* Which products of a graph are quantised, and how: the rules are in passes/pass_quantise.c. The
 * names are those of --dtype; int8_memory: int8 with --optimize memory. */
typedef enum {
    QUANTISE_NOTHING,
    QUANTISE_INT8,
    QUANTISE_INT8_MEMORY,
    QUANTISE_W8,
    QUANTISE_W4,
    QUANTISE_COUNT
} Quantise;
extern const char *const quantise_names[QUANTISE_COUNT];

/* What a file says of single layers, over the rules. */
typedef struct {
    /* of the op */
    const char *path;
    /* else bf16 */
    bool int8;
    int line;
} QuantLayer;
typedef struct {
    const char *file;
    /* every product that may be quantised is; there are no lines */
    bool all;
    QuantLayer *layers;
    int n;
} QuantLayers;

/* Input channels that share a scale of weights in 4 bits. */
enum { QUANT_GROUP = 64 };

/* Keys whose mean is taken off. */
enum { QUANT_MEAN_KEYS = 16 };

/* The scale of weights of that many bits whose greatest magnitude is `most`, NaN if one of them is;
 * the number that stands for w: 0 where the scale is 0 or not finite. */
float quant_weight_scale(int bits, float most);
int quant_weight(float w, float scale);

/* Of a row, or of a batch element. inverse: 0 where the range is too small for one. */
typedef struct {
    float scale, inverse;
    int32_t zero;
} QuantOperand;

/* From the least and the greatest number. poison: 0; NaN where a number is not finite. */
QuantOperand quant_operand(float low, float high, float poison);
/* The whole number that stands for x, 0 .. 255. */
int quant_number(const QuantOperand *q, float x);
#endif
