/* Writing a container: executable, padding, sections, footer. The format is in runtime/plan.h;
 * runtime/container.c reads it. */
#ifndef LATENTC_CONTAINER_WRITE_H
#define LATENTC_CONTAINER_WRITE_H
#include "util.h"

typedef struct Container Container;
/* Writes the weights section from its beginning to its end by container_write (of any sizes). */
typedef void ContainerFill(Container *c, void *context);
void container_write(Container *c, const void *p, size_t n);
/* Bytes of the current section so far: where the next container_write goes. */
uint64_t container_position(const Container *c);

/* What goes into one; each may be left out. */
typedef struct {
    const char *executable; /* path of the linked program or library */
    const char *about;      /* of packed weights: LRT_PACKED, and what they are, in lines */
    ContainerFill *weights;
    void *context;
    const void *vocab;
    size_t vocab_bytes;
} ContainerParts;
/* Fills `out`: a copy of the executable, then the sections, hashed while they are written, then the
 * footer. Nothing is kept in memory. layout_hash: the program's own (lrt_program.layout_hash).
 * err() when the executable cannot be read or the disk is full. The caller commits out, with mode
 * 0755. */
void container_finish(OutFile *out, uint64_t layout_hash, const ContainerParts *p);
#endif
