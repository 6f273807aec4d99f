/* How convolutions may be computed, and how their kernels are stored. */
#ifndef LATENTC_CONV_FORMS_H
#define LATENTC_CONV_FORMS_H
#include <stdbool.h>

/* A Winograd form's kernels. PACKED: transformed when the weights are packed. STREAMED: stored
 * plain; each task transforms them in its scratch, a part at a time. UNPACKED: stored plain; a step
 * of its own transforms them in memory, once a run. */
enum { KERNELS_PACKED, KERNELS_STREAMED, KERNELS_UNPACKED, KERNELS_COUNT };
/* AUTO: the cheapest by estimate (algorithm.c). WINOGRAD: the cheapest Winograd form where one
 * fits. F23, F43, UP, UP43: that form where it fits. F23S, F43S, F23U, F43U: with kernels stored
 * plain, streamed or unpacked. F23X, F43X, F43XU: along x alone. */
typedef enum {
    CONV_AUTO,
    CONV_DIRECT,
    CONV_WINOGRAD,
    CONV_F23,
    CONV_F43,
    CONV_UP,
    CONV_UP43,
    CONV_F23S,
    CONV_F43S,
    CONV_F23U,
    CONV_F43U,
    CONV_F23X,
    CONV_F43X,
    CONV_F43XU
} ConvMode;

/* The forms that can be chosen, in the order of their kernels' size. */
enum { CONV_FORMS = 12 };
extern const ConvMode conv_forms[CONV_FORMS];
/* Are operands rounded to bfloat16 in this form, where the program's are? F(4,3) stays in f32: its
 * transforms would enlarge the rounding of bf16 operands to 7 % (F(2,3): 2 %). */
bool contract_bf16(ConvMode form, bool bf16);

/* Names that --conv takes, by ConvMode; NULL at the end. */
extern const char *const conv_names[];
/* The mode of that name; usage_err() when there is none. */
ConvMode conv_parse(const char *text);
#endif
