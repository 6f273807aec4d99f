/* Writing a container: executable, padding, sections, footer. runtime/system/plan.h has the format;
 * runtime/system/container.c reads it. */
#ifndef LATENTC_CONTAINER_WRITE_H
#define LATENTC_CONTAINER_WRITE_H
#include <stdint.h>
#include <stddef.h>
#include "outfile.h"

/* ---- container_write.c ---- */

typedef struct Container Container;

/* Writes the section of weights, from its beginning to its end, by calls of container_write. */
typedef void ContainerFill(Container *c, void *context);

/* Appends n bytes to the current section. */
void container_write(Container *c, const void *p, size_t n);

/* How many bytes the current section has. */
uint64_t container_position(const Container *c);

/* What the file consists of; each member may be NULL. */
typedef struct {
    const char *executable; /* path of the linked program or library */
    const char *about;      /* of packed weights: LRT_PACKED, then lines that describe them */
    ContainerFill *weights;
    void *context; /* for `weights` */
    const void *vocab;
    size_t vocab_bytes;
} ContainerParts;

/* Fills `out`: a copy of the executable, then the sections, hashed while they are written, then the
 * footer. No section is held in memory. layout_hash: the program's (lrt_program.layout_hash). err()
 * when the executable cannot be read or the disk is full. The caller commits out, with mode 0755.
 */
void container_finish(OutFile *out, uint64_t layout_hash, const ContainerParts *p);

/* Adds a section (LRT_SECTION_*) to a finished container: n bytes, behind the others. */
void container_append(OutFile *out, int section, const void *data, size_t n);
#endif
