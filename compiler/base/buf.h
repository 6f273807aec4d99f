/* A string that grows. */
#ifndef LATENTC_BUF_H
#define LATENTC_BUF_H
#include <stddef.h>

/* Zero-initialise; buf_free when done. data is NULL while nothing was added, else ends with a NUL
 * that len does not count. */
typedef struct {
    char *data;
    size_t len, cap;
} Buf;

/* Appends n bytes. */
void buf_add(Buf *b, const void *p, size_t n);

/* Appends as printf. */
void buf_printf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends the shortest decimal that reads back as x. */
void buf_real(Buf *b, double x);

/* Appends s in double quotes, escaped as in JSON. */
void buf_quoted(Buf *b, const char *s);

/* Frees the string; b is empty afterwards. */
void buf_free(Buf *b);
#endif
