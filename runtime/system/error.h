/* How the runtime's parts say that something is wrong: they fill in one sentence and return false
 * or NULL; the program decides what to do. */
#ifndef LATENTRT_ERROR_H
#define LATENTRT_ERROR_H
#include <stdbool.h>

typedef struct {
    char text[1024];
} lrt_error;
/* Fills in the sentence (cut when too long, control characters made spaces); always false, so that
 * a caller can write `return lrt_fail(e, ...)`. */
bool lrt_fail(lrt_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Control characters become spaces: one line, whatever the text quotes. */
void lrt_one_line(char *text);
#endif
