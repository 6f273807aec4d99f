/* Output files that appear under their names only when they are complete. A generator's: at most a
 * few are open at once, and those that are open are removed on an error, on SIGINT, SIGTERM or
 * SIGHUP, when a mapped file is cut short (which is said), and at exit. */
#ifndef LATENTRT_OUTPUT_H
#define LATENTRT_OUTPUT_H
#include <stdio.h>

#include "error.h"

/* slot < 0: a device or pipe, such as /dev/stdout, that is written in place. */
typedef struct {
    FILE *stream;
    char *path;
    int slot;
} lrt_output;
void lrt_output_guard(
    void); /* once, before the first is opened: signal handlers and the exit hook */
bool lrt_output_open(lrt_output *o, const char *path, lrt_error *e);
bool lrt_output_commit(
    lrt_output *o, lrt_error *e); /* on failure nothing is left behind; o is closed either way */
void lrt_output_abandon(lrt_output *o);
#endif
