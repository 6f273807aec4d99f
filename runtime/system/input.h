/* Files that are read, pipes among them. */
#ifndef LATENTRT_INPUT_H
#define LATENTRT_INPUT_H
#include <stdio.h>

#include "error.h"

/* Bytes that a pipe or a device may give: a device may have no end. */
enum { LRT_MOST_PIPED = 256 << 20 };

/* Opens the file for reading, so that its size is known and fseek works. Of a pipe or a device the
 * stream has a copy in memory. The caller closes it. NULL, with *e: it cannot be read, is a folder,
 * or has more than LRT_MOST_PIPED bytes. */
FILE *lrt_input_open(const char *path, lrt_error *e);
#endif
