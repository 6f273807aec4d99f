/* The choice of an algorithm for every convolution of a graph: see algorithm.c. */
#ifndef LATENTC_ALGORITHM_H
#define LATENTC_ALGORITHM_H
#include "conv_forms.h"
#include "program.h"

typedef struct {
    uint32_t op; /* index into g->ops */
    ConvMode form[CONV_FORMS];
    double cost[CONV_FORMS]; /* estimated, in multiply-adds, or with p->tuning measured, in seconds;
                                INFINITY where the form does not fit */
    int64_t bytes[CONV_FORMS]; /* of the packed kernel */
    int chosen;
} ConvChoice;
/* One entry for each conv2d, in order; the caller frees *out. Returns how many. For AUTO, packed
 * weights stay near a size that depends on p->optimize. */
int choose_convolutions(const Graph *g, const Program *p, ConvChoice **out);
void print_choices(const Graph *g, const Program *p, const ConvChoice *c, int n, Buf *out);
#endif
