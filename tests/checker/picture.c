// Reading PNG files, and naming colours in a space where distance means what the eye sees.
#include "picture.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
const uint8_t palette[COLOR_COUNT][3] = {
    {220, 30, 30},   {40, 160, 60},  {35, 80, 220},   {250, 220, 40}, {250, 140, 20},  {135, 50, 170},
    {250, 150, 190}, {125, 75, 35},  {250, 250, 250}, {15, 15, 15},   {128, 128, 128},
};
/* clang-format on */

/* clang-format off */
static const char *const color_names[COLOR_COUNT] = {
    "red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "white", "black", "gray",
};
/* clang-format on */

const char *color_name(int color)
{
    return color < 0 || color >= COLOR_COUNT ? "unclear" : color_names[color];
}

int color_from_name(const char *name)
{
    if (strcmp(name, "grey") == 0)
        name = "gray";
    for (int i = 0; i < COLOR_COUNT; i++)
        if (strcmp(name, color_names[i]) == 0)
            return i;
    return COLOR_NONE;
}

Picture picture_new(int width, int height)
{
    Picture p = {width, height, calloc((size_t)width * (size_t)height, 3)};
    if (!p.rgb) {
        fprintf(stderr, "checker: out of memory\n");
        exit(1);
    }
    return p;
}

void picture_free(Picture *p)
{
    free(p->rgb);
    p->rgb = NULL;
}

bool picture_read(const char *path, Picture *out)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path)) {
        fprintf(stderr, "checker: %s: %s\n", path, image.message);
        return false;
    }
    if (image.width > 4096 || image.height > 4096) {
        fprintf(stderr, "checker: %s: larger than 4096 pixels\n", path);
        png_image_free(&image);
        return false;
    }
    image.format = PNG_FORMAT_RGB;
    *out = picture_new((int)image.width, (int)image.height);
    if (!png_image_finish_read(&image, NULL, out->rgb, 0, NULL)) {
        fprintf(stderr, "checker: %s: %s\n", path, image.message);
        picture_free(out);
        return false;
    }
    return true;
}

static double linear(double srgb)
{
    srgb /= 255;
    return srgb <= 0.04045 ? srgb / 12.92 : pow((srgb + 0.055) / 1.055, 2.4);
}

static double lab_curve(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

// sRGB (IEC 61966-2-1) to CIE 1976 L*a*b*.
Lab lab_from_rgb(const double rgb[3])
{
    double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
    double x = lab_curve((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    double y = lab_curve(0.2126 * r + 0.7152 * g + 0.0722 * b);
    double z = lab_curve((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    return (Lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double lab_distance(Lab a, Lab b)
{
    double dl = a.l - b.l, da = a.a - b.a, db = a.b - b.b;
    return sqrt(dl * dl + da * da + db * db);
}

int color_nearest(const double rgb[3])
{
    Lab seen = lab_from_rgb(rgb);
    int best = 0;
    double least = INFINITY;
    for (int i = 0; i < COLOR_COUNT; i++) {
        double ideal[3] = {palette[i][0], palette[i][1], palette[i][2]};
        double d = lab_distance(seen, lab_from_rgb(ideal));
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}
