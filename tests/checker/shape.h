// The eight shapes as ideal outlines, and the naming of a coverage map.
#ifndef CHECKER_SHAPE_H
#define CHECKER_SHAPE_H

#include <stdbool.h>

enum { SHAPE_COUNT = 8, SHAPE_NONE = -1 };
typedef enum { CIRCLE, SQUARE, TRIANGLE, STAR, RING, CROSS, HEART, DIAMOND } Shape;

const char *shape_name(int shape);
int shape_from_name(const char *name);

// Is the point inside the ideal shape? The shape fills the box -1..1 by -1..1, x to the right, y
// down.
bool shape_contains(Shape shape, double x, double y);

// Width over height of the ideal shape.
double shape_aspect(Shape shape);

// Coverage (height, width), 0..1, of a box that fits an object tightly: which shape is it?
// agreement receives the overlap (intersection over union) with that shape's outline. SHAPE_NONE
// when nothing fits well or two shapes fit alike.
int shape_classify(const float *coverage, int width, int height, double *agreement);

#endif
