/* --stage-to: a copy of the program, or of its weights, on a disk of this machine. */
#ifndef LATENTRT_STAGED_H
#define LATENTRT_STAGED_H
#include "container.h"

/* Copies the container at file->path into the folder, unless its copy is there. The name of the
 * copy has a hash of the footer in it, which covers every byte: another build gets another copy.
 * Processes of one machine that want the same copy wait for the first one (flock). All sections of
 * a new copy are checked, and it gets its name when it is complete. The path of the copy: malloc'd;
 * NULL, with *e, when it cannot be made. */
char *lrt_staged(const lrt_container_file *file, const char *folder, lrt_error *e);
#endif
