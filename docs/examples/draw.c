/* A picture from a library that `latentc build --emit so` or `--emit a` made, written as PPM:
 *
 *     latentc build graphs/shapes/pipeline.json --emit so -o libshapes.so
 *     cc draw.c -o draw -I PREFIX/include/latentc ./libshapes.so
 *     ./draw "a red circle on a blue background" circle.ppm
 *
 * The third argument is the file with the weights, for a program that was linked with an archive.
 */
#include <latentrt.h>
#include <stdio.h>

static int show(void *user, int step, int steps)
{
    (void)user;
    fprintf(stderr, "\rstep %d of %d", step, steps);
    return 0; /* anything else stops */
}

int main(int argc, char **argv)
{
    char why[1024];
    if (argc < 3) {
        fprintf(stderr, "usage: %s PROMPT FILE.ppm [WEIGHTS]\n", argv[0]);
        return 2;
    }
    lrt_generator *g = lrt_create(argc > 3 ? argv[3] : NULL, 0, why, sizeof why);
    if (!g) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    int failed = lrt_set_prompt(g, argv[1], NULL) || lrt_set(g, "seed", "7") ||
                 lrt_run(g, show, NULL);
    if (failed)
        fprintf(stderr, "%s\n", lrt_message(g));
    FILE *f = failed ? NULL : fopen(argv[2], "wb");
    if (f) {
        int width = lrt_width(g), height = lrt_height(g);
        fprintf(f, "P6\n%d %d\n255\n", width, height);
        fwrite(lrt_picture(g), 3, (size_t)width * (size_t)height, f);
        failed = ferror(f) | fclose(f);
    }
    lrt_destroy(g);
    return f && !failed ? 0 : 1;
}
