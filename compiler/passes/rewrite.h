/* What passes share: who makes a value, who uses it, which products could load it. Every handle is
 * an index into g->ops, because adding an op moves the array. */
#ifndef LATENTC_REWRITE_H
#define LATENTC_REWRITE_H
#include "attr.h"
#include "ir.h"

#define NO_OP UINT32_MAX
/* The op that makes t; NO_OP for inputs and weights. Valid while no op moved (passes append, only
 * the driver sorts and sweeps). */
uint32_t op_making(const Graph *g, TensorId t);

typedef struct {
    uint32_t op;
    int slot;
} Use;
typedef struct {
    Use *at;
    int n;
    bool is_output;
} Uses;
Uses uses_of(Graph *g, TensorId t);            /* by live ops; in the graph's arena */
bool sole_use(Graph *g, TensorId t, Use *use); /* exactly one operand use, and t is no output */

/* A reshape that keeps batch and channels: whoever works channel by channel or pixel by pixel may
 * look through it. */
bool is_row_view(const Graph *g, const Op *o);

/* The products that load t as SLOT_X with nothing in their load yet, directly or through row views
 * and, if asked, one swish. */
typedef struct {
    uint32_t op;
    bool swish;
} Load;
typedef struct {
    Load *at;
    int n;
    uint32_t *between;
    int n_between; /* the swishes on the way */
} Loads;
/* false when t has any other use: then nothing may be fused. */
bool find_loads(Graph *g, TensorId t, bool through_swish, Loads *loads);
/* Removes the ops between and makes everyone read x where t was read. */
void bypass(Graph *g, const Loads *loads, TensorId t, TensorId x);

/* dense, or a 1x1 convolution that moves no pixel. */
bool is_pointwise(const Graph *g, const Op *o);
/* The two products load the same thing in the same way, store nothing but product and bias, and
 * both or none have a bias. */
bool same_load(const Graph *g, const Op *a, const Op *b);
/* One product in place of n that satisfy same_load: kernels and biases side by side. Returns its
 * result; the n ops are killed. */
TensorId merge_products(Graph *g, const uint32_t *ops, int n);
bool has_scalable_weights(const Graph *g,
                          const Op *o); /* kernel and bias are weights, not computed values */
void scale_weight(Graph *g, TensorId *w, double factor); /* *w becomes the weight times factor */
#endif
