/* The context of the empty prompt, computed when a generator is built. */
#ifndef LATENTC_EMPTY_CONTEXT_H
#define LATENTC_EMPTY_CONTEXT_H
#include <stddef.h>
#include "codegen.h"

/* ---- empty_context.c ---- */

/* What a generator is made of. */
typedef struct {
    const Program *program;
    /* Its code, as it is linked into the generator. */
    const Code *object;
    /* The file with its packed weights, a complete container. */
    const char *weights;
    const void *vocab;
    size_t vocab_bytes;
} GeneratorParts;

/* Runs the generator's own text encoder on the empty prompt. Returns the section
 * LRT_SECTION_CONTEXT (runtime/program/text_context.h), malloc'd, *n bytes; NULL when the code does
 * not run on this machine: the generator then computes the context when it needs it, the same bits.
 * err() when memory is short. */
void *empty_context(const GeneratorParts *g, size_t *n);
#endif
