// Tests the checker on pictures drawn here, right ones and wrong ones. The outlines are this file's
// own, with proportions that differ a little from the ones the checker compares with: it must know
// a star, not one particular star.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "shape.h"

static int passed, failed;

static void expect(bool ok, const char *what, const char *detail)
{
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("FAILED: %s: %s\n", what, detail);
}

typedef struct {
    Shape shape;
    int color;
    double x, y, r; // center and half the size, as shares of the picture's width
} Drawing;

static bool star_contains(double x, double y)
{
    const double pi = acos(-1.0), inner = 0.4;
    // Fold the point into one tenth of the star, then ask on which side of the edge from tip to
    // notch it lies.
    double angle = fabs(remainder(atan2(x, -y), 2 * pi / 5)), r = hypot(x, y);
    double px = r * cos(angle), py = r * sin(angle);
    double nx = inner * cos(pi / 5), ny = inner * sin(pi / 5);
    return (nx - 1) * py - ny * (px - 1) >= 0;
}

static bool heart_contains(double x, double y)
{
    // Two round lobes on a wedge.
    if (hypot(fabs(x) - 0.48, y + 0.35) <= 0.52)
        return true;
    return y > -0.35 && fabs(x) <= 1.0 - 0.02 - (y + 0.2) / 1.2 * 0.98 && y <= 1;
}

// The point in units of the drawing's half size, y down.
static bool inside(Shape shape, double x, double y)
{
    double r = hypot(x, y);
    switch (shape) {
    case CIRCLE: return r <= 1;
    case SQUARE: return fabs(x) <= 0.9 && fabs(y) <= 0.9;
    case TRIANGLE: return y <= 0.8 && y >= -0.9 && fabs(x) <= (y + 0.9) / 1.7;
    case STAR: return star_contains(x, y);
    case RING: return r <= 1 && r >= 0.62;
    case CROSS: return (fabs(x) <= 0.33 && fabs(y) <= 1) || (fabs(y) <= 0.33 && fabs(x) <= 1);
    case HEART: return heart_contains(x, y);
    case DIAMOND: return fabs(x) / 0.8 + fabs(y) <= 1;
    }
    return false;
}

// Lays one object over the picture, each pixel from 8 x 8 samples.
static void draw(Picture *p, const Drawing *d)
{
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int hits = 0;
            for (int s = 0; s < 64; s++) {
                double sx = (x + (s % 8 + 0.5) / 8) / p->width - d->x,
                       sy = (y + (s / 8 + 0.5) / 8) / p->width - d->y;
                hits += inside(d->shape, sx / d->r, sy / d->r);
            }
            uint8_t *to = p->rgb + 3 * (y * p->width + x);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)(to[c] + (palette[d->color][c] - to[c]) * hits / 64.0 + 0.5);
        }
}

// A fixed little generator, so that a failure can be had again.
static unsigned next_random(void)
{
    static unsigned state = 12345;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static Picture picture(int size, int background, const Drawing *d, int count, int noise)
{
    Picture p = picture_new(size, size);
    for (int i = 0; i < size * size; i++)
        memcpy(p.rgb + 3 * i, palette[background], 3);
    for (int i = 0; i < count; i++)
        draw(&p, &d[i]);
    for (int i = 0; noise && i < size * size * 3; i++) {
        int v = p.rgb[i] + (int)(next_random() % (unsigned)(2 * noise + 1)) - noise;
        p.rgb[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    return p;
}

// Draws, looks, judges; compares with what the verdict should be.
static void verdict(const char *what, int size, int background, const Drawing *d, int count,
                    int noise, const Caption *c, bool right)
{
    char reason[256];
    Picture p = picture(size, background, d, count, noise);
    Scene s = see(&p);
    expect(judge(&s, c, false, reason, sizeof reason) == right, what, reason);
    picture_free(&p);
}

static Caption one(int shape, int color, int background)
{
    return (Caption){
        .background = background, .count = 1, .object = {{shape, color, SIZE_ANY, PLACE_ANY}}};
}

// Every shape in every colour on some background, right; then with the wrong shape, colour and
// background.
static void test_one_object(void)
{
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        for (int color = 0; color < COLOR_COUNT; color++) {
            char what[96];
            int background = (color + 1 + (shape * 3 + color) % (COLOR_COUNT - 1)) % COLOR_COUNT;
            int other = (color + 1) % COLOR_COUNT, size = shape % 2 ? 128 : 192;
            double r = 0.12 + 0.02 * (color % 8);
            Drawing d = {(Shape)shape, color, 0.5 + 0.013 * (shape - 4), 0.5 - 0.011 * (color - 5),
                         r};
            snprintf(what, sizeof what, "%s %s on %s", color_name(color), shape_name(shape),
                     color_name(background));
            Caption c = one(shape, color, background);
            verdict(what, size, background, &d, 1, 4, &c, true);
            c = one((shape + 1 + color % 7) % SHAPE_COUNT, color, background);
            verdict("another shape", size, background, &d, 1, 4, &c, false);
            c = one(shape, other, background);
            verdict("another color", size, background, &d, 1, 4, &c, false);
            c = one(shape, color, (background + 1) % COLOR_COUNT);
            verdict("another background", size, background, &d, 1, 4, &c, false);
        }
}

// Two objects in all four relations: only the true relation is right, and only with each colour on
// its own shape.
static void test_two_objects(void)
{
    static const double at[5][2] = {{0, 0}, {0.25, 0.5}, {0.75, 0.5}, {0.5, 0.25}, {0.5, 0.75}};
    for (int a = 0; a < SHAPE_COUNT; a++)
        for (int relation = LEFT_OF; relation <= BELOW; relation++) {
            int b = (a + relation) % SHAPE_COUNT,
                opposite = relation % 2 ? relation + 1 : relation - 1;
            Drawing d[2] = {{(Shape)a, a, at[relation][0], at[relation][1] + 0.03, 0.16},
                            {(Shape)b, b + 1, at[opposite][0] + 0.04, at[opposite][1], 0.15}};
            Caption c = {.background = 10,
                         .count = 2,
                         .object = {{a, a, SIZE_ANY, PLACE_ANY}, {b, b + 1, SIZE_ANY, PLACE_ANY}}};
            for (int claimed = LEFT_OF; claimed <= BELOW; claimed++) {
                c.relation = (Relation)claimed;
                verdict("relation", 128, 10, d, 2, 3, &c, claimed == relation);
            }
            c.relation = (Relation)relation;
            verdict("one object missing", 128, 10, d, 1, 0, &c, false);
            c.object[0].color = b + 1;
            c.object[1].color = a;
            verdict("colors exchanged", 128, 10, d, 2, 3, &c, a == b + 1);
        }
}

static void test_size_and_place(void)
{
    static const double coordinate[3] = {0.25, 0.5, 0.75};
    for (int place = 0; place < 9; place++) {
        Drawing d = {HEART, 0, coordinate[place % 3], coordinate[place / 3], 0.13};
        Caption c = one(HEART, 0, 8);
        for (int claimed = 0; claimed < 9; claimed++) {
            c.object[0].place = claimed;
            verdict("place", 128, 8, &d, 1, 0, &c, claimed == place);
        }
    }
    Drawing small = {CROSS, 2, 0.5, 0.5, 0.12}, big = {CROSS, 2, 0.5, 0.5, 0.3};
    Caption c = one(CROSS, 2, 3);
    c.object[0].size = SIZE_SMALL;
    verdict("small", 128, 3, &small, 1, 0, &c, true);
    verdict("big for small", 128, 3, &big, 1, 0, &c, false);
    c.object[0].size = SIZE_BIG;
    verdict("big", 128, 3, &big, 1, 0, &c, true);
    verdict("small for big", 128, 3, &small, 1, 0, &c, false);
}

// Pictures no caption describes.
static void test_spoiled(void)
{
    Caption c = one(CIRCLE, 0, 8);
    verdict("nothing drawn", 128, 8, NULL, 0, 0, &c, false);
    verdict("noise", 128, 10, NULL, 0, 120, &c, false);
    Drawing three[3] = {
        {CIRCLE, 0, 0.2, 0.2, 0.1}, {CIRCLE, 0, 0.5, 0.5, 0.1}, {CIRCLE, 0, 0.8, 0.8, 0.1}};
    verdict("three for one", 128, 8, three, 3, 0, &c, false);
    Drawing blot[2] = {{CIRCLE, 0, 0.5, 0.5, 0.2}, {SQUARE, 2, 0.5, 0.6, 0.12}};
    verdict("two colors in one object", 128, 8, blot, 2, 0, &c, false);
    Drawing nested[2] = {{SQUARE, 0, 0.5, 0.5, 0.2}, {CIRCLE, 8, 0.5, 0.5, 0.1}};
    Caption square = one(SQUARE, 0, 8);
    verdict("a square with a hole", 128, 8, nested, 2, 0, &square, false);
    Drawing specks[16] = {{CIRCLE, 0, 0.5, 0.5, 0.2}};
    for (int i = 1; i < 16; i++)
        specks[i] = (Drawing){CIRCLE, 2, 0.05 + 0.06 * i, i % 2 ? 0.1 : 0.9, 0.02};
    verdict("stray marks", 128, 8, specks, 16, 0, &c, false);
}

static void parses(const char *json, bool good)
{
    Caption c;
    char message[256] = "";
    expect(caption_parse(json, &c, message, sizeof message) == good, json, message);
}

static void test_parsing(void)
{
    parses("{\"objects\": [{\"shape\": \"star\", \"color\": \"grey\"}]}", true);
    parses(
        "{\"objects\": [{\"shape\": \"star\", \"color\": \"red\", \"size\": \"big\", \"place\": \"top left\"}], \"background\": \"blue\"}",
        true);
    parses(
        "{\"objects\": [{\"shape\": \"star\", \"color\": \"red\"}, {\"shape\": \"ring\", \"color\": \"red\"}], \"relation\": \"above\"}",
        true);
    parses("", false);
    parses("[]", false);
    parses("{\"objects\": []}", false);
    parses("{\"objects\": [{\"shape\": \"blob\", \"color\": \"red\"}]}", false);
    parses("{\"objects\": [{\"shape\": \"star\", \"color\": \"mauve\"}]}", false);
    parses("{\"objects\": [{\"shape\": \"star\", \"color\": \"red\", \"size\": \"odd\"}]}", false);
    parses("{\"objects\": [{\"shape\": \"star\", \"color\": \"red\"}], \"relation\": \"above\"}",
           false);
    parses("{\"objects\": [{\"shape\": \"star\", \"color\": \"red\"}], \"background\": 3}", false);
}

int main(void)
{
    test_one_object();
    test_two_objects();
    test_size_and_place();
    test_spoiled();
    test_parsing();
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
