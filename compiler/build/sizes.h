/* Sizes of pictures, as --sizes and --size say them. */
#ifndef LATENTC_SIZES_H
#define LATENTC_SIZES_H
#include "arena.h"
#include "plan.h"
#include "program.h"

/* ---- sizes.c ---- */

/* The first is the default. n 0: the flags say nothing, so the pipeline's own size alone. Stages:
 * none yet. */
typedef struct {
    lrt_size list[MOST_SIZES];
    int n;
} SizeList;

/* What the two flags say, each NULL when it is not given: the size goes to the front of the sizes;
 * alone it is the only one. usage_err() at a wrong size, at one that is there twice, and when size
 * is none of sizes. */
SizeList sizes_parse(const char *sizes, const char *size);

/* "512x512,768x512", the arena's; NULL: none. */
const char *sizes_text(Arena *a, const SizeList *sizes);
#endif
