/* A small, strict scanner for JSON: safetensors headers and lines of prompts files. */
#ifndef LATENTRT_SCAN_H
#define LATENTRT_SCAN_H
#include <stdio.h>

#include "error.h"

typedef struct {
    const char *p, *end; /* the text that is left */
    const char *begin;   /* messages count positions from here */
    const char *place;   /* and name them so: "x.safetensors: header, byte" */
    lrt_error *e;
} lrt_scan;
/* Fills in "PLACE N: expected WHAT". Always false. */
bool lrt_scan_fail(lrt_scan *s, const char *expected);
/* Skips white space and returns the next character without taking it; NUL at the end. */
char lrt_scan_peek(lrt_scan *s);
/* Takes the next character if it is c. */
bool lrt_scan_take(lrt_scan *s, char c);
/* Takes a string and decodes its escapes to UTF-8: malloc'd, without a NUL inside. NULL after
 * lrt_scan_fail. */
char *lrt_scan_string(lrt_scan *s);
/* Takes a string, a number (as it is written), true or false, as text: malloc'd. NULL after
 * lrt_scan_fail. */
char *lrt_scan_scalar(lrt_scan *s);
/* Writes text as a JSON string. */
void lrt_scan_quote(FILE *out, const char *text);
#endif
