/* Errors of the runtime: a function fills in one sentence and returns false or NULL. The program
 * decides what to do. */
#ifndef LATENTRT_ERROR_H
#define LATENTRT_ERROR_H
#include <stdbool.h>

typedef struct {
    char text[1024];
} lrt_error;
/* Fills in the sentence, cut to fit, as lrt_plain shows it: one line, whatever bytes of files it
 * quotes. Always false, for `return lrt_fail(e, ...)`. */
bool lrt_fail(lrt_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
