/* What passes share: who makes a value, who uses it, which products could load it.
 *
 * Laws of rewriting. Every pass keeps them; the tests named here check them.
 *
 *   1. Types and shapes: a value that stays keeps its type and its shape. (graph_verify after every
 *      pass in debug builds)
 *   2. Values: every output stays the same, bit by bit or up to rounding, as the row in passes.def
 *      says. (tests/unit/passes/test_pass_text, test_passes)
 *   3. Less work: a rewriting removes an op, or elements that are computed, stored or read. So the
 *      passes end, and a second run of all of them changes nothing. (tests/unit/passes/test_passes)
 *   4. Other users: an op is fused with its user only when that is its one user, or when all users
 *      take it. No product is computed twice.
 *   5. Outputs: an output stays an output, under its name and in its place. A value that is an
 *      output is not fused away. A cached value (graph/cache.h) counts as one.
 *   6. Bindings: no value changes more often than before. So what runs once per prompt or per
 *      schedule still does.
 *   7. Paths: a fused op keeps the path of its product, a merged one that of the first.
 *
 * Every handle is an index into g->ops, because adding an op moves the array. Passes append ops and
 * mark them dead; only the driver sorts and sweeps. */
#ifndef LATENTC_REWRITE_H
#define LATENTC_REWRITE_H
#include "attr.h"
#include "ir.h"

#define NO_OP UINT32_MAX

/* The op that makes t; NO_OP for inputs and weights. Valid while no op moved. */
uint32_t op_making(const Graph *g, TensorId t);

/* Operand `slot` of op `op`. */
typedef struct {
    uint32_t op;
    int slot;
} Use;
typedef struct {
    Use *at;
    int n;
    bool is_output;
} Uses;

/* All uses of t by live ops. In the graph's arena. */
Uses uses_of(Graph *g, TensorId t);

/* Whether t has exactly one operand use and is no output; then *use is that use. */
bool sole_use(Graph *g, TensorId t, Use *use);

/* A reshape that keeps batch and channels. What works channel by channel or pixel by pixel may look
 * through it. */
bool is_row_view(const Graph *g, const Op *o);

/* A product that could load a value as SLOT_X; swish: through a swish. */
typedef struct {
    uint32_t op;
    bool swish;
} Load;
typedef struct {
    Load *at;
    int n;
    /* the swishes on the way */
    uint32_t *between;
    int n_between;
} Loads;

/* The products that load t as SLOT_X and do nothing else in their load yet, directly or through row
 * views and, if wanted, one swish. false when t has any other use: then nothing may be fused. */
bool find_loads(Graph *g, TensorId t, bool through_swish, Loads *loads);

/* Removes the ops between and makes every op read x that read t. */
void bypass(Graph *g, const Loads *loads, TensorId t, TensorId x);

/* dense, or a 1x1 convolution that moves no pixel. */
bool is_pointwise(const Graph *g, const Op *o);

/* Whether the two products load the same in the same way, store nothing but product and bias, and
 * both or none have a bias. */
bool same_load(const Graph *g, const Op *a, const Op *b);

/* One product in place of n that satisfy same_load: kernels and biases side by side. Kills the n
 * ops and returns the new result. */
TensorId merge_products(Graph *g, const uint32_t *ops, int n);

/* Whether kernel and bias are weights and not computed values. */
bool has_scalable_weights(const Graph *g, const Op *o);

/* *w becomes the weight times factor. NO_TENSOR stays. */
void scale_weight(Graph *g, TensorId *w, double factor);
#endif
