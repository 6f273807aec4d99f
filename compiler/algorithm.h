/* The choice of an algorithm for every convolution of a graph: see algorithm.c. */
#ifndef LATENTC_ALGORITHM_H
#define LATENTC_ALGORITHM_H
#include "ir.h"
#include "winograd.h"

#define CONV_GROWTH 2.0 /* packed weights may take twice their plain size */
enum { CONV_FORMS = 4 }; /* in the order of their kernels' size: direct, upsample form, F(2,3), F(4,3) */
typedef struct {
    uint32_t op;                 /* index into g->ops */
    ConvMode form[CONV_FORMS];
    double cost[CONV_FORMS];     /* estimated, in multiply-adds; INFINITY where the form does not fit */
    int64_t bytes[CONV_FORMS];   /* of the packed kernel */
    int chosen;
} ConvChoice;
/* One entry for each conv2d, in order; the caller frees *out. Returns how many. growth: most that AUTO may make of the weights' plain size. */
int choose_convolutions(const Graph *g, const Target *t, ConvMode mode, bool bf16, double growth, ConvChoice **out);
/* F(4,3) stays in f32: its transforms would enlarge the rounding of bf16 operands to 7 % (F(2,3): 2 %). */
static inline bool contract_bf16(ConvMode form, bool bf16) { return bf16 && form != CONV_F43; }
void print_choices(const Graph *g, const ConvChoice *c, int n, Buf *out);
#endif
