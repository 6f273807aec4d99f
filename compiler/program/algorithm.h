/* The choice of an algorithm for every convolution of a graph: see algorithm.c. */
#ifndef LATENTC_ALGORITHM_H
#define LATENTC_ALGORITHM_H
#include "conv_forms.h"
#include "program.h"

/* A convolution, and what each form of it costs. */
typedef struct {
    /* Index into g->ops. */
    uint32_t op;
    ConvMode form[CONV_FORMS];
    /* Estimated, in multiply-adds; with p->tuning measured, in seconds. INFINITY where the form
     * does not fit. */
    double cost[CONV_FORMS];
    /* May AUTO and WINOGRAD choose it? */
    bool offered[CONV_FORMS];
    /* Of the packed kernel. */
    int64_t bytes[CONV_FORMS];
    /* Index into these arrays. */
    int chosen;
} ConvChoice;
/* One entry for each conv2d, in order; the caller frees *out. Returns how many. For AUTO, packed
 * weights stay near a size that depends on p->optimize. */
int choose_convolutions(const Graph *g, const Program *p, ConvChoice **out);
/* Does the form pay on the unit that computes its products? */
bool form_pays(const ConvForm *f, const Target *t, bool bf16);
/* Appends a table of n choices: a row for each convolution, a column for each form. forms_file.h
 * reads it. */
void print_choices(const Graph *g, const Program *p, const ConvChoice *c, int n, Buf *out);
#endif
