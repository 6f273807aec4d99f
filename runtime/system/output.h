/* Output files that appear under their names only when they are complete.
 *
 * A process has at most a few open at once; several threads may open some. Open ones are removed on
 * an error, at exit, on SIGINT, SIGTERM or SIGHUP, and when a mapped file becomes shorter (SIGBUS),
 * which is reported. */
#ifndef LATENTRT_OUTPUT_H
#define LATENTRT_OUTPUT_H
#include <stdio.h>

#include "error.h"

typedef struct {
    FILE *stream;
    char *path;
    int slot; /* < 0: a device or pipe, such as standard output, which is written in place */
} lrt_output;
/* The name of standard output. */
#define LRT_STANDARD_OUTPUT "-"
/* Installs the signal handlers and the exit hook. Call it once, before the first lrt_output_open.
 */
void lrt_output_guard(void);
/* Removes the files that are open now. Safe in a signal handler; for the end of a program. */
void lrt_output_remove_all(void);
/* Whether a file could be written; false, with *e, when not. Leaves nothing behind. A device or a
 * pipe is not opened: a reader would see the end of its input. */
bool lrt_output_try(const char *path, lrt_error *e);
/* Opens a file to write; false, with *e, when that is not possible. */
bool lrt_output_open(lrt_output *o, const char *path, lrt_error *e);
/* Completes the file and closes o. false, with *e: nothing is left behind. */
bool lrt_output_commit(lrt_output *o, lrt_error *e);
/* Closes o and removes what was written. */
void lrt_output_abandon(lrt_output *o);
#endif
