// Segmentation: the background is what most of the border shows; whatever differs from it clearly
// and hangs together is an object. Soft edges are kept as coverage (how far a pixel has gone from
// background to object colour), so that shapes are measured to a fraction of a pixel.
#include "see.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shape.h"

static const double differs = 16; // L*a*b* distance from which a pixel is no longer background
static const double least_object = 0.004; // smaller connected marks are specks

static void pixel(const Picture *p, int x, int y, double rgb[3])
{
    for (int c = 0; c < 3; c++)
        rgb[c] = p->rgb[3 * ((size_t)y * (size_t)p->width + (size_t)x) + (size_t)c];
}

static void *must_calloc(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p) {
        fprintf(stderr, "checker: out of memory\n");
        exit(1);
    }
    return p;
}

// Names the border's most common colour; mean receives that colour's average value there.
static int find_background(const Picture *p, double mean[3])
{
    int votes[COLOR_COUNT] = {0};
    double sum[COLOR_COUNT][3] = {{0}};
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            if (x > 1 && y > 1 && x < p->width - 2 && y < p->height - 2)
                continue;
            double rgb[3];
            pixel(p, x, y, rgb);
            int c = color_nearest(rgb);
            votes[c]++;
            for (int k = 0; k < 3; k++)
                sum[c][k] += rgb[k];
        }
    int best = 0;
    for (int c = 1; c < COLOR_COUNT; c++)
        if (votes[c] > votes[best])
            best = c;
    for (int k = 0; k < 3; k++)
        mean[k] = sum[best][k] / votes[best];
    return best;
}

// One connected component: pixels, in a list, and the box around them.
typedef struct {
    int *list, size;              // pixel numbers y * width + x
    int left, top, right, bottom; // inclusive
} Blob;

// Collects the component around a seed: clears its marks and appends its pixels to the list.
static Blob flood(uint8_t *mark, int width, int height, int seed, int *list)
{
    Blob b = {list, 0, width, height, -1, -1};
    list[b.size++] = seed;
    mark[seed] = 0;
    for (int i = 0; i < b.size; i++) {
        int x = list[i] % width, y = list[i] / width;
        b.left = x < b.left ? x : b.left;
        b.right = x > b.right ? x : b.right;
        b.top = y < b.top ? y : b.top;
        b.bottom = y > b.bottom ? y : b.bottom;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int nx = x + dx, ny = y + dy;
                if (nx < 0 || ny < 0 || nx >= width || ny >= height || !mark[ny * width + nx])
                    continue;
                mark[ny * width + nx] = 0;
                list[b.size++] = ny * width + nx;
            }
    }
    return b;
}

// The colour of the component's inside: pixels whose four neighbours belong to it too. COLOR_NONE
// when less than 70 % of them bear one name. inside is a mask of the component with room for the
// whole picture.
static int blob_color(const Picture *p, const Blob *b, const uint8_t *inside, double mean[3])
{
    int votes[COLOR_COUNT] = {0}, total = 0;
    double sum[COLOR_COUNT][3] = {{0}};
    for (int i = 0; i < b->size; i++) {
        int at = b->list[i], x = at % p->width, y = at / p->width;
        if (x == 0 || y == 0 || x == p->width - 1 || y == p->height - 1)
            continue;
        if (!(inside[at - 1] && inside[at + 1] && inside[at - p->width] && inside[at + p->width]))
            continue;
        double rgb[3];
        pixel(p, x, y, rgb);
        int c = color_nearest(rgb);
        votes[c]++;
        total++;
        for (int k = 0; k < 3; k++)
            sum[c][k] += rgb[k];
    }
    int best = 0;
    for (int c = 1; c < COLOR_COUNT; c++)
        if (votes[c] > votes[best])
            best = c;
    for (int k = 0; k < 3; k++)
        mean[k] = votes[best] ? sum[best][k] / votes[best] : 0;
    return total && votes[best] >= 0.7 * total ? best : COLOR_NONE;
}

// How far each pixel of the box has gone from the background's colour to the object's, 0..1; fits
// the box to what is at least half object and returns the map (owned by the caller), or NULL when
// nothing is.
static float *blob_coverage(const Picture *p, Blob *b, const uint8_t *inside, const double from[3],
                            const double to[3])
{
    double d[3], length = 0;
    for (int k = 0; k < 3; k++) {
        d[k] = to[k] - from[k];
        length += d[k] * d[k];
    }
    int w = b->right - b->left + 1, h = b->bottom - b->top + 1;
    float *map = must_calloc((size_t)w * (size_t)h, sizeof *map);
    Blob fit = {NULL, 0, p->width, p->height, -1, -1};
    for (int y = b->top; y <= b->bottom; y++)
        for (int x = b->left; x <= b->right; x++) {
            if (!inside[y * p->width + x])
                continue;
            double rgb[3], t = 0;
            pixel(p, x, y, rgb);
            for (int k = 0; k < 3; k++)
                t += (rgb[k] - from[k]) * d[k] / length;
            map[(y - b->top) * w + x - b->left] = (float)fmax(0, fmin(1, t));
            if (t < 0.5)
                continue;
            fit.left = x < fit.left ? x : fit.left;
            fit.right = x > fit.right ? x : fit.right;
            fit.top = y < fit.top ? y : fit.top;
            fit.bottom = y > fit.bottom ? y : fit.bottom;
        }
    if (fit.right < 0) {
        free(map);
        return NULL;
    }
    int fw = fit.right - fit.left + 1;
    for (int y = fit.top; y <= fit.bottom; y++)
        for (int x = fit.left; x <= fit.right; x++)
            map[(y - fit.top) * fw + x - fit.left] = map[(y - b->top) * w + x - b->left];
    b->left = fit.left, b->right = fit.right, b->top = fit.top, b->bottom = fit.bottom;
    return map;
}

static Object describe(const Picture *p, Blob *b, uint8_t *inside, const double background[3])
{
    Object o = {.shape = SHAPE_NONE};
    double mean[3];
    for (int i = 0; i < b->size; i++) {
        inside[b->list[i]] = 1;
        o.x += (b->list[i] % p->width + 0.5) / p->width / b->size;
        o.y += (b->list[i] / p->width + 0.5) / p->height / b->size;
    }
    o.color = blob_color(p, b, inside, mean);
    float *map = o.color == COLOR_NONE ? NULL : blob_coverage(p, b, inside, background, mean);
    int w = b->right - b->left + 1, h = b->bottom - b->top + 1;
    o.extent = (double)(w > h ? w : h) / p->width;
    if (map)
        o.shape = shape_classify(map, w, h, &o.agreement);
    free(map);
    for (int i = 0; i < b->size; i++)
        inside[b->list[i]] = 0;
    return o;
}

Scene see(const Picture *p)
{
    Scene scene = {0};
    double background[3];
    scene.background = find_background(p, background);
    Lab ground = lab_from_rgb(background);
    int pixels = p->width * p->height;
    uint8_t *mark = must_calloc((size_t)pixels, 1), *inside = must_calloc((size_t)pixels, 1);
    int *list = must_calloc((size_t)pixels, sizeof *list);
    for (int i = 0; i < pixels; i++) {
        double rgb[3];
        pixel(p, i % p->width, i / p->width, rgb);
        mark[i] = lab_distance(lab_from_rgb(rgb), ground) > differs;
    }
    for (int i = 0; i < pixels; i++) {
        if (!mark[i])
            continue;
        Blob b = flood(mark, p->width, p->height, i, list);
        if (b.size < least_object * pixels) {
            scene.specks += (double)b.size / pixels;
            continue;
        }
        if (scene.count < MAX_SEEN)
            scene.object[scene.count] = describe(p, &b, inside, background);
        scene.count++;
    }
    free(list);
    free(inside);
    free(mark);
    return scene;
}
