/* Random operations on random values: what the families of randgraph.c are made of. */
#ifndef RANDGRAPH_OPS_H
#define RANDGRAPH_OPS_H
#include "ir.h"

/* A graph that grows. */
typedef struct {
    Graph *g;
    uint64_t state;
    int ops;        /* for names */
    TensorId *pool; /* the soup's values so far */
    int n_pool;
    TensorId skip[16];
    int n_skip;
    TensorId time, context;
    bool guided; /* the picture and the time step have batch 1 and are broadcast */
} Gen;

/* Arguments of one call are evaluated in any order: never two draws in one, or graphs depend on the
 * C compiler. */
#define COUNT(...) ((int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#define PICK(r, ...) gen_pick(r, (const int64_t[]){__VA_ARGS__}, COUNT(__VA_ARGS__))

/* A convolution's kernel, stride and padding. */
typedef struct {
    int64_t kh, kw, stride, top, bottom, left, right;
} Window;
static const Window w1 = {1, 1, 1, 0, 0, 0, 0}, w3 = {3, 3, 1, 1, 1, 1, 1};
static const Window w3_down = {3, 3, 2, 0, 1, 0, 1}, w3_half = {3, 3, 2, 1, 1, 1, 1};

/* One of the n numbers. */
int64_t gen_pick(Gen *r, const int64_t *from, int n);
/* The next number of a splitmix64 generator. */
uint64_t gen_splitmix(uint64_t *state);
/* A random number from 0 to n - 1. */
int64_t gen_below(Gen *r, int64_t n);
/* True in `percent` of 100 cases. */
bool gen_chance(Gen *r, int percent);
/* Counts of channels: multiples of a vector, and others. */
int64_t gen_any_channels(Gen *r);
/* Counts of channels, even. */
int64_t gen_even_channels(Gen *r);
/* 1 to 4. */
int64_t gen_any_batch(Gen *r);
/* A divisor of the channels, at most 9. */
int gen_any_groups(Gen *r, int64_t channels);
/* The shape of a value. */
const Shape *gen_shape(const Gen *r, TensorId t);
/* Its last dimension. */
int64_t gen_channels(const Gen *r, TensorId t);
/* A new path that begins with `kind`. */
const char *gen_name(Gen *r, const char *kind);
/* A weight of o named `what`. */
TensorId gen_weight(Gen *r, const Op *o, const char *what, Shape s);
/* An operation with one operand; its attributes are random. */
TensorId gen_one(Gen *r, OpKind kind, const char *what, TensorId x);
/* An operation with two operands. */
TensorId gen_two(Gen *r, OpKind kind, const char *what, TensorId x, TensorId y);
/* Nearest upsampling to a size. */
TensorId gen_upsample_to(Gen *r, TensorId x, int64_t height, int64_t width);
/* Nearest upsampling by two, sometimes without the last row or column. */
TensorId gen_upsample(Gen *r, TensorId x);
/* x times a matrix with co columns. */
TensorId gen_dense(Gen *r, TensorId x, int64_t co, bool bias);
/* A convolution with co output channels. */
TensorId gen_conv(Gen *r, TensorId x, int64_t co, Window w, bool bias);
/* GroupNorm or LayerNorm, with gamma and beta. */
TensorId gen_norm(Gen *r, OpKind kind, TensorId x);
/* The three operations of attention, as graphs are written. */
TensorId gen_attention(Gen *r, TensorId q, TensorId k, TensorId v, int heads, bool causal);
/* The same values in another shape. */
TensorId gen_view(Gen *r, TensorId x, Shape s);
/* A picture (b,h,w,c) as (b,h*w,c). */
TensorId gen_tokens_of(Gen *r, TensorId x);
/* An input (b,h,w,c); batch 1 and broadcast where the graph is guided. */
TensorId gen_picture_input(Gen *r, const char *input, int64_t b, int64_t c);
/* The input `context` (b or 1, tokens, c). */
TensorId gen_context_input(Gen *r, int64_t b);
/* The input `timestep_embedding` (b or 1, c). */
TensorId gen_time_input(Gen *r, int64_t b);

/* Any operation after any other; every value that nobody uses is an output. */
void gen_soup(Gen *r);
#endif
