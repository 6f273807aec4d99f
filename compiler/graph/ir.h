/* The graph: operations on NHWC tensors with static shapes.
 *
 * Tensors and operations are apart. A tensor is a value: an input, a weight, or the result of
 * exactly one operation. Operations stand in an order in which every operand is defined before its
 * use; passes keep it so. Handles are small structs; id 0 means "none". All memory belongs to the
 * graph's arena and lives as long as the graph. */
#ifndef LATENTC_IR_H
#define LATENTC_IR_H
#include "fusion.h"
#include "param.h"
#include "quant.h"
#include "shape.h"
#include "arena.h"

typedef enum { DT_F32, DT_I32 } Dtype;

typedef struct {
    uint32_t id;
} TensorId;
typedef struct {
    uint32_t id;
} OpId;
#define NO_TENSOR ((TensorId){0})

/* Is it a tensor, not NO_TENSOR? Are both the same one? */
static inline bool tensor_ok(TensorId t) { return t.id != 0; }
static inline bool tensor_eq(TensorId a, TensorId b) { return a.id == b.id; }

/* How often a value changes, slowest first. A result changes as often as its fastest operand. TIME
 * values depend on the timestep alone (known before the loop starts); STEP values on the latent.
 * With step caching (cache.h), INTERVAL values change in full steps alone: cached values, and what
 * only INTERVAL values need. */
typedef enum { BIND_CONST, BIND_PROMPT, BIND_TIME, BIND_INTERVAL, BIND_STEP } Binding;

typedef enum { T_TEMP, T_INPUT, T_WEIGHT } TensorKind;

/* One stored tensor that is part of a weight: a weight is the concatenation of its parts along the
 * last axis, each times its scale. */
typedef struct {
    const char *path;
    /* size of its last axis */
    int64_t width;
    double scale;
} WeightPart;

typedef struct {
    TensorKind kind;
    Dtype dtype;
    Shape shape;
    Binding binding;
    /* results that may be cached: the level at which they are (cache.h), from 1; others: 0 */
    int cache;
    /* inputs: the input's name; weights: path of the first part; results: NULL */
    const char *name;
    /* weights: n_parts >= 1; a weight as the graph is written has one part with scale 1 */
    WeightPart *parts;
    int n_parts;
    /* results: the operation (index into ops by id-1) */
    OpId producer;
} Tensor;

typedef enum {
#define OP(e, ...) OP_##e,
#include "ops.def"
    OP_COUNT
} OpKind;

/* Operand slots of CONV2D and DENSE: slots.def says what stands where. */
enum {
#define SLOT(e, name) SLOT_##e,
#include "slots.def"
    SLOT_COUNT
};

typedef enum { GELU_TANH, GELU_ERF, GELU_QUICK, GELU_COUNT } GeluKind;

typedef struct {
    /* dense: 1,0,0,0,0 */
    int stride, pad_top, pad_bottom, pad_left, pad_right;
    /* 1, or 2: x is read as if upsampled by nearest 2x first */
    int upsample;
    /* Prologue */
    int pre;
    /* Activation */
    int act;
    /* 1: it comes after the residual; 0: before. Only with a residual, and not gated */
    int act_last;
    /* of the LayerNorm prologue */
    double eps;
    /* first channel read from SLOT_VEC */
    int64_t vec_off;
    /* Quant */
    int quant;
} ContractAttr;
typedef struct {
    /* layer_norm: 1 */
    int groups;
    double eps;
} NormAttr;
typedef struct {
    /* GeluKind */
    int kind;
} GeluAttr;
typedef struct {
    double factor, shift;
} ScaleAttr;
typedef struct {
    int64_t begin, end;
} SliceAttr;
typedef struct {
    /* of the result */
    int64_t batch;
} BatchAttr;
typedef struct {
    /* of the result: twice that of x, or one less, without the last row or column; 0: twice */
    int64_t height, width;
} UpsampleAttr;
typedef struct {
    int heads;
    int64_t head_size;
    /* of the scores */
    double scale;
    /* 0 or 1 */
    int causal;
    /* first channel read from each operand; 0 unless q, k, v share a tensor */
    int64_t q_off, k_off, v_off;
    /* of an attention's scores: QUANT_NONE or QUANT_ROWS */
    int quant;
} AttnAttr;
typedef struct {
    /* Prologue: not LAYER_NORM */
    int pre;
} RangeAttr;
typedef struct {
    char unused;
} NoAttr;

typedef struct {
    OpKind kind;
    /* stable name, e.g. "down.0.res.1.exit.conv"; unique among the source ops except reshapes;
     * fused ops keep the main op's */
    const char *path;
    /* trailing and unused slots are NO_TENSOR */
    TensorId in[SLOT_COUNT];
    TensorId out;
    union {
        ContractAttr contract;
        NormAttr norm;
        GeluAttr gelu;
        ScaleAttr scale;
        SliceAttr slice;
        BatchAttr broadcast;
        UpsampleAttr upsample;
        AttnAttr attn;
        RangeAttr range;
        NoAttr none;
    } attr;
    /* set by graph_kill; graph_sweep removes it */
    bool dead;
} Op;

/* Where Keras stores a weight of a graph that was read from its JSON (keras_graph.h). */
typedef struct {
    /* of the weight, as WeightPart.path has it */
    const char *path;
    /* its dataset in a .weights.h5 file: "layers/dense_1/vars/0". Its shape is the weight's, or
     * that of the 1x1 convolution (1,1,c,d) whose kernel here is (c,d) */
    const char *stored;
    /* the model's own layer that has it, by Keras' name; of a nested model its name */
    const char *layer;
} KerasWeight;

typedef struct {
    Arena *arena;
    /* "diffusion_model", ...: prefix of synthetic weights and of weight files */
    const char *name;
    /* where it was read from, for messages */
    const char *file;
    /* tensors[id-1] */
    Tensor *tensors;
    uint32_t n_tensors, cap_tensors;
    /* in order; ops[id-1] */
    Op *ops;
    uint32_t n_ops, cap_ops;
    /* in the order of the graph file */
    TensorId *inputs;
    uint32_t n_inputs;
    TensorId *outputs;
    uint32_t n_outputs;
    /* of outputs[i]; "output" for every model here */
    const char **output_names;
    /* the level of step caching; 0: off */
    int cache_level;
    /* which products the pass quantise chooses, and how */
    Quantise quantise;
    /* with QUANTISE_INT8: what a file says of single layers; or NULL */
    const QuantLayers *layers;
    /* graphs of Keras' JSON: their weights in the order in which Keras lists them, which is that of
     * its older layout: layers as the model lists them, then a layer's weights. Others: none */
    const KerasWeight *keras;
    uint32_t n_keras;
} Graph;

/* Names of the ops as graph files write them. */
extern const char *const op_names[OP_COUNT];

/* "f32" or "i32". */
const char *dtype_name(Dtype d);

/* "never", "prompt", "time", "interval" or "step". */
const char *binding_name(Binding b);

/* The binding of that name, which inputs can have: not "interval". false when there is none. */
bool binding_parse(const char *name, Binding *b);

/* An empty graph with an arena of its own. */
Graph *graph_new(const char *name);

/* Frees the graph and all that lives in its arena; NULL is fine. */
void graph_free(Graph *g);

/* The tensor t. The pointer is valid until a tensor is added. */
Tensor *tensor(const Graph *g, TensorId t);

/* The tensor whose storage t has: t, or what it is a view of (reshape). */
TensorId tensor_root(const Graph *g, TensorId t);

/* The op o. The pointer is valid until an op is added or swept. */
Op *op_of(const Graph *g, OpId o);

/* Adds an input, after those that there are. */
TensorId graph_add_input(Graph *g, const char *name, Dtype d, Shape s, Binding b);

/* The weight at path, made if it is new; the same path twice gives the same tensor. err() when the
 * shapes differ. */
TensorId graph_add_weight(Graph *g, const char *path, Shape s);

/* A new weight: the n weights `from` side by side along the last axis, each times its scale. scale
 * NULL: all 1. */
TensorId graph_add_weight_parts(Graph *g, const TensorId *from, int n, const double *scale);

/* Appends op and its result of shape s, which the op's shape rule must have given. Returns the
 * result. construct.h has what infers the shape. */
TensorId graph_append_op(Graph *g, Op op, Shape s);

/* Names t as an output, after those that there are. */
void graph_add_output(Graph *g, const char *name, TensorId t);

/* How often the result of o changes: as often as its fastest operand. */
Binding op_binding(const Graph *g, const Op *o);

/* Operand uses of t by live ops, plus uses as output. */
int graph_use_count(const Graph *g, TensorId t);

/* Makes live ops and outputs read `to` wherever they read `from`. */
void graph_replace_uses(Graph *g, TensorId from, TensorId to);

/* Marks o as dead; graph_sweep removes it. */
void graph_kill(Graph *g, Op *o);

/* Removes dead ops and ops whose results nobody uses; keeps the order; renumbers op ids (tensor ids
 * stay). Returns how many ops went. */
int graph_sweep(Graph *g);

/* Sorts ops so that operands come before uses (stable). die() on a cycle. */
void graph_toposort(Graph *g);

/* Whether t is stored by full steps and read by short ones. */
static inline bool tensor_cached(const Graph *g, TensorId t)
{
    return g->cache_level && tensor(g, t)->cache == g->cache_level;
}

/* How often the result of o changes, from its operands and, with step caching, from its users,
 * whose bindings must be right. */
Binding result_binding(const Graph *g, const Op *o);

/* Derives the binding of every live op's result anew. Ops must be in order. */
void graph_rebind(Graph *g);
#endif
