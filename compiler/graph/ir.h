/* The graph: operations on NHWC tensors with static shapes.
 *
 * Tensors and operations are apart. A tensor is a value: an input, a weight, or the result of
 * exactly one operation. Operations stand in an order in which every operand is defined before its
 * use; passes keep it so. Handles are small structs; id 0 means "none". All memory belongs to the
 * graph's arena and lives as long as the graph. */
#ifndef LATENTC_IR_H
#define LATENTC_IR_H
#include "param.h"
#include "util.h"

typedef enum { DT_F32, DT_I32 } Dtype; /* bf16 joins here */
#define MAX_RANK 4
typedef struct {
    int rank;
    int64_t dim[MAX_RANK];
} Shape; /* C order; rank 1..4; every dim >= 1 */
typedef struct {
    uint32_t id;
} TensorId;
typedef struct {
    uint32_t id;
} OpId;
#define NO_TENSOR ((TensorId){0})
static inline bool tensor_ok(TensorId t) { return t.id != 0; }
static inline bool tensor_eq(TensorId a, TensorId b) { return a.id == b.id; }

/* How often a value changes, slowest first. A result changes as often as its fastest operand. TIME
 * values depend on the timestep alone (known before the loop starts); STEP values on the latent. */
typedef enum { BIND_CONST, BIND_PROMPT, BIND_TIME, BIND_STEP } Binding;

typedef enum { T_TEMP, T_INPUT, T_WEIGHT } TensorKind;
/* One stored tensor that is part of a weight: a weight is the concatenation of its parts along the
 * last axis, each times its scale. */
typedef struct {
    const char *path;
    int64_t width; /* size of its last axis */
    double scale;
} WeightPart;

typedef struct {
    TensorKind kind;
    Dtype dtype;
    Shape shape;
    Binding binding;
    const char *name; /* inputs: the input's name; weights: path of the first part; results: NULL */
    WeightPart *parts; /* weights: n_parts >= 1; a weight as the graph is written has one part with
                          scale 1 */
    int n_parts;
    OpId producer; /* results: the operation (index into ops by id-1) */
} Tensor;

typedef enum {
#define OP(e, name, attr, lo, hi) OP_##e,
#define SLOT_COUNT 9
#include "ops.def"
#undef OP
    OP_COUNT
} OpKind;

/* Operand slots of CONV2D and DENSE. The first three are as in the source; the rest are filled by
 * fusion passes. */
enum {
    SLOT_X,
    SLOT_KERNEL,
    SLOT_BIAS,
    SLOT_X2,   /* further input channels, after those of x (concat fused into the load); x or x2 may
                  have batch 1 */
    SLOT_NORM, /* (b,2,ci) from group_scale: the load computes a*x + d; pre says whether swish
                  follows */
    SLOT_LN_GAMMA,
    SLOT_LN_BETA, /* (ci): the load applies LayerNorm with attr.eps (pre = PRE_LAYER_NORM) */
    SLOT_VEC, /* (b or 1, co), or wider with attr.vec_off: added to every pixel of its batch element
                 (time embedding) */
    SLOT_RES  /* as the result, or batch 1: added last, after the activation */
};
typedef enum { PRE_NONE, PRE_AFFINE, PRE_AFFINE_SWISH, PRE_LAYER_NORM, PRE_SWISH } Prologue;
/* Applied after bias and vec, before the residual. GEGLU halves the channels: the kernel has 2*co
 * columns. */
typedef enum {
    ACT_NONE,
    ACT_SWISH,
    ACT_GELU_TANH,
    ACT_GELU_ERF,
    ACT_GEGLU_TANH,
    ACT_GEGLU_ERF
} Activation;
typedef enum { GELU_TANH, GELU_ERF } GeluKind;

typedef struct {
    int stride, pad_top, pad_bottom, pad_left, pad_right; /* dense: 1,0,0,0,0 */
    int upsample;    /* 1, or 2: x is read as if upsampled by nearest 2x first */
    int pre;         /* Prologue */
    int act;         /* Activation */
    double eps;      /* of the LayerNorm prologue */
    int64_t vec_off; /* first channel read from SLOT_VEC */
} ContractAttr;
typedef struct {
    int groups; /* layer_norm: 1 */
    double eps;
} NormAttr;
typedef struct {
    int kind; /* GeluKind */
} GeluAttr;
typedef struct {
    double factor;
} ScaleAttr;
typedef struct {
    int64_t begin, end;
} SliceAttr;
typedef struct {
    int64_t batch; /* of the result */
} BatchAttr;
typedef struct {
    int heads;
    int64_t head_size;
    double scale; /* of the scores */
    int causal;   /* 0 or 1 */
    int64_t q_off, k_off,
        v_off; /* first channel read from each operand; 0 unless q, k, v share a tensor */
} AttnAttr;
typedef struct {
    char unused;
} NoAttr;

typedef struct {
    OpKind kind;
    const char *path; /* stable name, e.g. "down.0.res.1.exit.conv"; unique among the source ops
                         except reshapes; fused ops keep the main op's */
    TensorId in[SLOT_COUNT]; /* trailing and unused slots are NO_TENSOR */
    TensorId out;
    union {
        ContractAttr contract;
        NormAttr norm;
        GeluAttr gelu;
        ScaleAttr scale;
        SliceAttr slice;
        BatchAttr broadcast;
        AttnAttr attn;
        NoAttr none;
    } attr;
    bool dead; /* set by graph_kill; graph_sweep removes it */
} Op;

typedef struct {
    Arena *arena;
    const char *name; /* "diffusion_model", ...: prefix of synthetic weights and of weight files */
    const char *file; /* where it was read from, for messages */
    Tensor *tensors;
    uint32_t n_tensors, cap_tensors; /* tensors[id-1] */
    Op *ops;
    uint32_t n_ops, cap_ops; /* in order; ops[id-1] */
    TensorId *inputs;
    uint32_t n_inputs; /* in the order of the graph file */
    TensorId *outputs;
    uint32_t n_outputs; /* names in output_names; "output" for every model here */
    const char **output_names;
} Graph;

/* ir.c */
extern const char *const op_names[OP_COUNT];
const char *dtype_name(Dtype d);
/* An op of this kind with every attribute at its default (attr.h), no operands. */
Op op_make(OpKind kind, const char *path);
Graph *graph_new(const char *name);
void graph_free(Graph *g);
Tensor *tensor(const Graph *g, TensorId t); /* valid until a tensor is added */
Op *op_of(const Graph *g, OpId o);          /* valid until an op is added or swept */
TensorId graph_add_input(Graph *g, const char *name, Dtype d, Shape s, Binding b);
/* The weight at path; the same path twice gives the same tensor (err when the shapes differ). */
TensorId graph_add_weight(Graph *g, const char *path, Shape s);
/* A weight made of parts of others (concatenated along the last axis, each scaled). */
TensorId graph_add_weight_parts(Graph *g, const TensorId *from, int n, const double *scale);
/* Appends op and creates its result tensor, shape inferred (infer_shape), binding derived. Returns
 * the result. */
TensorId graph_add_op(Graph *g, Op op);
/* The same when the shape is known already; and for RESHAPE, whose shape is given. */
TensorId graph_add_op_shaped(Graph *g, Op op, Shape s);
TensorId graph_add_reshape(Graph *g, TensorId x, Shape s, const char *path);
void graph_add_output(Graph *g, const char *name, TensorId t);
int graph_use_count(const Graph *g, TensorId t); /* operand uses by live ops plus uses as output */
void graph_replace_uses(Graph *g, TensorId from, TensorId to); /* in live ops and outputs */
void graph_kill(Graph *g, Op *o);
/* Removes dead ops and ops whose results nobody uses; keeps the order; renumbers op ids (tensor ids
 * stay). Returns how many ops went. */
int graph_sweep(Graph *g);
/* Sorts ops so that operands come before uses (stable). die() on a cycle. */
void graph_toposort(Graph *g);
int64_t shape_count(const Shape *s); /* number of elements; overflow is impossible after verify */
bool shape_eq(const Shape *a, const Shape *b);
int64_t shape_rows(const Shape *s); /* product of all but batch and channels: (b,h,w,c) -> h*w,
                                       (b,n,c) -> n, (b,c) -> 1 */
static inline int64_t shape_channels(const Shape *s) { return s->dim[s->rank - 1]; }
static inline Shape shape1(int64_t a) { return (Shape){1, {a}}; }
static inline Shape shape2(int64_t a, int64_t b) { return (Shape){2, {a, b}}; }
static inline Shape shape3(int64_t a, int64_t b, int64_t c) { return (Shape){3, {a, b, c}}; }
static inline Shape shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (Shape){4, {a, b, c, d}};
}
int64_t op_macs_for(const Graph *g, const Op *o,
                    const Shape *out);        /* the same before the result exists */
int64_t op_macs(const Graph *g, const Op *o); /* multiply-adds as in reference listings: conv,
                                                 dense, attn_qk, attn_av, attention; else 0 */

/* shape.c: "[1,64,64,4]" */
const char *shape_text(Arena *a, const Shape *s);
/* NULL, or why no tensor can have this shape (dimension below 1, too many elements). */
const char *shape_check(Arena *a, const Shape *s);
/* The shape rule of every op. Returns NULL and sets *out, or a message "expected ..., found ..."
 * (static or arena memory). RESHAPE and SLICE take the wanted shape from *out / attr. */
const char *infer_shape(const Graph *g, const Op *o, Shape *out);
/* verify.c: every rule of validity. `after` names the pass (or "parse") in the message; die()s on
 * violation. */
void graph_verify(const Graph *g, const char *after);

/* print.c: "never", "prompt", "time", "step" */
const char *binding_name(Binding b);
bool binding_parse(const char *name, Binding *b);   /* false when there is none of that name */
int64_t op_parameters(const Graph *g, const Op *o); /* elements of the op's weights */
int64_t graph_parameters(const Graph *g);           /* every weight tensor counted once */
/* print.c, parse_text.c: the text form; graph_parse_text(graph_print_text(g)) gives the same graph.
 */
void graph_print_text(const Graph *g, Buf *out);
void graph_print_shape(Buf *out, const Shape *s);   /* [1,64,64,4] */
void graph_print_weight(Buf *out, const Tensor *t); /* w"path"[shape], or its parts */
void graph_print_dot(const Graph *g, Buf *out);
void graph_print_json(const Graph *g, Buf *out);             /* `show --format json` */
Graph *graph_parse_text(const char *text, const char *file); /* err() with file:line:column */

/* graphfile.c, graph_expand.c, graph_ops.c: the graph language (docs/graph-language.md). */
Graph *graph_load(const char *path, const ParamSet *sets,
                  int n_sets); /* err() on any mistake, with the place */

#endif
