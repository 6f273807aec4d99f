// A picture in memory and its colours' names.
#ifndef CHECKER_PICTURE_H
#define CHECKER_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int width, height;
    uint8_t *rgb; // (height, width, 3), owned
} Picture;

typedef struct {
    double l, a, b; // CIE L*a*b*, white point D65
} Lab;

enum { COLOR_COUNT = 11, COLOR_NONE = -1 };

// Reads an 8-bit PNG as RGB. False, with a message on standard error, when it cannot.
bool picture_read(const char *path, Picture *out);

// An empty picture; rgb is zeroed. Free with picture_free.
Picture picture_new(int width, int height);
void picture_free(Picture *p);

// The palette that captions use, in the order of color_name.
extern const uint8_t palette[COLOR_COUNT][3];
const char *color_name(int color);

// The number of a colour word, COLOR_NONE if unknown. "grey" is gray.
int color_from_name(const char *name);

Lab lab_from_rgb(const double rgb[3]);
double lab_distance(Lab a, Lab b);

// The palette colour nearest to an sRGB value (0..255) in L*a*b*.
int color_nearest(const double rgb[3]);

#endif
