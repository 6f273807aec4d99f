/* The choice of an algorithm for every convolution of a graph: see algorithm.c. */
#ifndef LATENTC_ALGORITHM_H
#define LATENTC_ALGORITHM_H
#include "codegen.h"
#include "winograd.h"

enum { CONV_FORMS = 12 }; /* in the order of their kernels' size */
typedef struct {
    uint32_t op; /* index into g->ops */
    ConvMode form[CONV_FORMS];
    double cost[CONV_FORMS]; /* estimated, in multiply-adds, or with p->tuning measured, in seconds;
                                INFINITY where the form does not fit */
    int64_t bytes[CONV_FORMS]; /* of the packed kernel */
    int chosen;
} ConvChoice;
extern const ConvMode conv_forms[CONV_FORMS];
/* One entry for each conv2d, in order; the caller frees *out. Returns how many. For AUTO, packed
 * weights stay near a size that depends on p->optimize. */
int choose_convolutions(const Graph *g, const Program *p, ConvChoice **out);
/* F(4,3) stays in f32: its transforms would enlarge the rounding of bf16 operands to 7 % (F(2,3): 2
 * %). */
static inline bool contract_bf16(ConvMode form, bool bf16)
{
    return bf16 && form != CONV_F43 && form != CONV_F43S && form != CONV_F43U;
}
void print_choices(const Graph *g, const Program *p, const ConvChoice *c, int n, Buf *out);
#endif
