// Shapes are told apart by overlap with ideal outlines stretched to the object's bounding box: with
// clean pictures that is both simpler and surer than moments or corner counts.
#include "shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const shape_names[SHAPE_COUNT] = {
    "circle", "square", "triangle", "star", "ring", "cross", "heart", "diamond",
};
/* clang-format on */

const char *shape_name(int shape)
{
    return shape < 0 || shape >= SHAPE_COUNT ? "unclear" : shape_names[shape];
}

int shape_from_name(const char *name)
{
    for (int i = 0; i < SHAPE_COUNT; i++)
        if (strcmp(name, shape_names[i]) == 0)
            return i;
    return SHAPE_NONE;
}

// Even-odd test of a point against a closed polygon of n corners.
static bool polygon_contains(const double (*p)[2], int n, double x, double y)
{
    bool inside = false;
    for (int i = 0, j = n - 1; i < n; j = i++)
        if ((p[i][1] <= y) != (p[j][1] <= y) &&
            x < p[i][0] + (p[j][0] - p[i][0]) * (y - p[i][1]) / (p[j][1] - p[i][1]))
            inside = !inside;
    return inside;
}

enum { STAR_CORNERS = 10, HEART_CORNERS = 64 };

// Stretches a polygon to the box -1..1 by -1..1; returns the aspect it had.
static double fit_box(double (*p)[2], int n)
{
    double low[2] = {1e9, 1e9}, high[2] = {-1e9, -1e9};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], p[i][k]);
            high[k] = fmax(high[k], p[i][k]);
        }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++)
            p[i][k] = 2 * (p[i][k] - low[k]) / (high[k] - low[k]) - 1;
    return (high[0] - low[0]) / (high[1] - low[1]);
}

static double star[STAR_CORNERS][2], heart[HEART_CORNERS][2];
static double star_aspect, heart_aspect;

static void make_polygons(void)
{
    if (star_aspect > 0)
        return;
    const double pi = acos(-1.0);
    for (int i = 0; i < STAR_CORNERS; i++) {
        double r = i % 2 ? 0.42 : 1;
        star[i][0] = r * sin(pi * i / 5);
        star[i][1] = -r * cos(pi * i / 5);
    }
    for (int i = 0; i < HEART_CORNERS; i++) {
        double t = 2 * pi * i / HEART_CORNERS;
        heart[i][0] = 16 * pow(sin(t), 3);
        heart[i][1] = -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t));
    }
    heart_aspect = fit_box(heart, HEART_CORNERS);
    star_aspect = fit_box(star, STAR_CORNERS);
}

bool shape_contains(Shape shape, double x, double y)
{
    const double arm = 0.358,
                 hole = 0.583; // half an arm of the cross; inner over outer radius of the ring
    double r = hypot(x, y);
    make_polygons();
    switch (shape) {
    case CIRCLE: return r <= 1;
    case SQUARE: return fabs(x) <= 1 && fabs(y) <= 1;
    case TRIANGLE: return y <= 1 && fabs(x) <= (y + 1) / 2;
    case STAR: return polygon_contains(star, STAR_CORNERS, x, y);
    case RING: return r <= 1 && r >= hole;
    case CROSS: return (fabs(x) <= arm && fabs(y) <= 1) || (fabs(y) <= arm && fabs(x) <= 1);
    case HEART: return polygon_contains(heart, HEART_CORNERS, x, y);
    case DIAMOND: return fabs(x) + fabs(y) <= 1;
    }
    return false;
}

double shape_aspect(Shape shape)
{
    make_polygons();
    switch (shape) {
    case TRIANGLE: return 2 / 1.7;
    case STAR: return star_aspect;
    case HEART: return heart_aspect;
    case DIAMOND: return 0.74;
    default: return 1;
    }
}

// Share of one pixel of a width x height box that the ideal shape covers, from 4 x 4 samples.
static double ideal_coverage(Shape shape, int px, int py, int width, int height)
{
    int hits = 0;
    for (int s = 0; s < 16; s++) {
        double x = (px + (s % 4 + 0.5) / 4) / width * 2 - 1,
               y = (py + (s / 4 + 0.5) / 4) / height * 2 - 1;
        hits += shape_contains(shape, x, y);
    }
    return hits / 16.0;
}

static double overlap(const float *coverage, int width, int height, Shape shape)
{
    double both = 0, either = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double seen = coverage[y * width + x],
                   ideal = ideal_coverage(shape, x, y, width, height);
            both += fmin(seen, ideal);
            either += fmax(seen, ideal);
        }
    return either > 0 ? both / either : 0;
}

int shape_classify(const float *coverage, int width, int height, double *agreement)
{
    const double enough = 0.8, ahead = 0.02, stretch = 1.35;
    double best = 0, second = 0;
    int found = SHAPE_NONE;
    for (int s = 0; s < SHAPE_COUNT; s++) {
        double ratio = (double)width / height / shape_aspect((Shape)s);
        double o = ratio > stretch || ratio < 1 / stretch
                       ? 0
                       : overlap(coverage, width, height, (Shape)s);
        if (o > best) {
            second = best;
            best = o;
            found = s;
        } else if (o > second) {
            second = o;
        }
    }
    *agreement = best;
    return best < enough || best - second < ahead ? SHAPE_NONE : found;
}
