/* Programs and packed weights as files. */
#ifndef LATENTC_WRITE_PROGRAM_H
#define LATENTC_WRITE_PROGRAM_H
#include "link.h"
#include "program.h"

/* ---- write_program.c ---- */

typedef struct {
    ProgramKind kind;
    LinkOptions link;
    const char *path;    /* of the program */
    const char *weights; /* NULL: in the program; else a file of their own */
    const char *about;   /* with weights: what they are (build_about) */
    const void *vocab;   /* the vocabulary's bytes (vocab_load); NULL: none */
    size_t vocab_bytes;
} ProgramFiles;

/* Emits p's code and links it into a file of that kind, with vocabulary and packed weights appended
 * (container_write.h). An archive has no place for them: both go to the file of weights. source[i]:
 * weights of stage i. err() when linking or writing fails. */
void write_program(Program *p, WeightSource *const *source, const ProgramFiles *f);

/* Packed weights in a file of their own, with the vocabulary where one is given: programs that are
 * archives need it there. path: the file; about: what they are (build_about). */
void write_packed(Program *p, WeightSource *const *source, const ProgramFiles *f);

/* The name of an archive's file of weights: "libsd.weights" of "libsd.a". */
const char *library_weights_path(Arena *a, const char *archive);
#endif
