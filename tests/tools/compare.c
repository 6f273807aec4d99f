/* compare [--bound X] [--max X] A.safetensors[:TENSOR] B.safetensors[:TENSOR]
 * Prints the relative rms difference of two f32 tensors (named "output" unless given), rms(a - b) /
 * rms(b), and the largest absolute difference. Exit code 1 when one of them is over its bound, the
 * shapes differ or a value is not finite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "safetensors.h"
#include "err.h"
#include "alloc.h"

static const StTensor *open_tensor(const char *spec, const StFile **file)
{
    char *path = strcpy(xmalloc(strlen(spec) + 1), spec), *colon = strrchr(path, ':');
    if (colon)
        *colon++ = 0;
    *file = st_open(path);
    const StTensor *t = st_find(*file, colon ? colon : "output");
    if (!t || t->dtype != ST_F32)
        err("%s: no f32 tensor \"%s\"", path, colon ? colon : "output");
    return t;
}

static float value(const StTensor *t, size_t i)
{
    float f;
    memcpy(&f, (const char *)t->data + i * sizeof f, sizeof f);
    return f;
}

int main(int argc, char **argv)
{
    double bound = INFINITY, most = INFINITY, squares = 0, difference = 0, largest = 0;
    while (argc > 3 && (!strcmp(argv[1], "--bound") || !strcmp(argv[1], "--max"))) {
        *(!strcmp(argv[1], "--max") ? &most : &bound) = strtod(argv[2], NULL);
        argc -= 2;
        argv += 2;
    }
    if (argc != 3)
        usage_err(
            "usage: compare [--bound X] [--max X] A.safetensors[:TENSOR] B.safetensors[:TENSOR]");
    const StFile *fa, *fb;
    const StTensor *a = open_tensor(argv[1], &fa), *b = open_tensor(argv[2], &fb);
    if (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]))
        err("%s and %s differ in shape", argv[1], argv[2]);
    for (size_t i = 0; i < a->bytes / sizeof(float); i++) {
        double d = (double)value(a, i) - value(b, i);
        difference += d * d;
        squares += (double)value(b, i) * value(b, i);
        largest = fmax(largest, isnan(d) ? INFINITY : fabs(d));
    }
    double relative = squares > 0 ? sqrt(difference / squares) : sqrt(difference);
    printf("relative rms %.3e, largest difference %.3e\n", relative, largest);
    return relative <= bound && largest <= most && isfinite(largest) ? EXIT_OK : EXIT_USER;
}
