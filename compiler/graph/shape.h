/* Shapes of tensors. Activations are NHWC: (b,h,w,c), (b,n,c) or (b,c). */
#ifndef LATENTC_SHAPE_H
#define LATENTC_SHAPE_H
#include <stdint.h>
#include <stdbool.h>
#include "arena.h"

#define MAX_RANK 4

/* C order: the last dimension is dense. rank 1..4, every dim >= 1. */
typedef struct {
    int rank;
    int64_t dim[MAX_RANK];
} Shape;

/* A shape of rank 1, 2, 3 or 4 from its dimensions, outermost first. */
static inline Shape shape1(int64_t a) { return (Shape){1, {a}}; }
static inline Shape shape2(int64_t a, int64_t b) { return (Shape){2, {a, b}}; }
static inline Shape shape3(int64_t a, int64_t b, int64_t c) { return (Shape){3, {a, b, c}}; }
static inline Shape shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (Shape){4, {a, b, c, d}};
}

/* Number of elements. Cannot overflow in a shape that shape_check accepts. */
int64_t shape_count(const Shape *s);

/* The same rank and the same dimensions. */
bool shape_eq(const Shape *a, const Shape *b);

/* Product of all dimensions but batch and channels: (b,h,w,c) -> h*w, (b,n,c) -> n, (b,c) -> 1. */
int64_t shape_rows(const Shape *s);

/* The last dimension. */
static inline int64_t shape_channels(const Shape *s) { return s->dim[s->rank - 1]; }

/* "[1,64,64,4]", in the arena. */
const char *shape_text(Arena *a, const Shape *s);

/* NULL, or why no tensor can have this shape (rank, a dimension below 1, too many elements). The
 * message is in the arena. */
const char *shape_check(Arena *a, const Shape *s);
#endif
