// From pixels to a list of objects.
#ifndef CHECKER_SEE_H
#define CHECKER_SEE_H

#include "picture.h"

enum { MAX_SEEN = 8 };

typedef struct {
    int color;        // palette number, COLOR_NONE if the object is of several colours
    int shape;        // Shape, SHAPE_NONE if unclear
    double agreement; // overlap with that shape's ideal outline, 0..1
    double x, y;      // centroid, as shares of the picture's width and height
    double extent;    // the longer side of the bounding box, as a share of the picture's width
} Object;

typedef struct {
    int background; // palette number
    int count;      // objects found; more than MAX_SEEN are counted but not listed
    Object object[MAX_SEEN];
    double specks; // share of the picture covered by marks too small to be objects
} Scene;

// Finds the background (what most of the border shows) and the objects on it.
Scene see(const Picture *picture);

#endif
