/* A file of chosen forms of convolutions (--forms FILE): tables as `show --after algorithm` prints
 * them (print_choices), one for each model and size. */
#ifndef LATENTC_FORMS_FILE_H
#define LATENTC_FORMS_FILE_H
#include "algorithm.h"

/* The tables of a file. */
typedef struct Forms Forms;

/* Reads the file at `path`. err() with the line on any mistake. */
Forms *forms_open(const char *path);
void forms_free(Forms *f);
/* The size that g computes, for the head of its table: its first input without the batch,
 * "latent 64x64x4". The arena's. */
const char *forms_size(Arena *a, const Graph *g);
/* Sets `chosen` of all n choices, the convolutions of g, as the file's table of g says. err() where
 * there is none, where it lacks a convolution or has another, or where a form does not fit. */
void forms_choose(const Forms *f, const Graph *g, ConvChoice *c, int n);
#endif
