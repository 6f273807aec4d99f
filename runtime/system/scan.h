/* A small strict scanner for JSON: what a safetensors header and a line of a prompt file are read
 * with. */
#ifndef LATENTRT_SCAN_H
#define LATENTRT_SCAN_H
#include <stdio.h>

#include "error.h"

typedef struct {
    const char *p, *end;
    const char *begin; /* where places are counted from */
    const char *place; /* what they are called: "x.safetensors: header, byte" */
    lrt_error *e;
} lrt_scan;
/* "PLACE N: expected WHAT"; always false. */
bool lrt_scan_fail(lrt_scan *s, const char *expected);
/* The next character that is no white space, not taken; NUL at the end. */
char lrt_scan_peek(lrt_scan *s);
/* Takes it when it is c. */
bool lrt_scan_take(lrt_scan *s, char c);
/* A string, its escapes decoded to UTF-8; malloc'd, NULL after lrt_scan_fail. No NUL in it. */
char *lrt_scan_string(lrt_scan *s);
/* A string, a number (as it is written), true or false, as text; malloc'd, NULL after
 * lrt_scan_fail. */
char *lrt_scan_scalar(lrt_scan *s);
/* The same text as a JSON string. */
void lrt_scan_quote(FILE *out, const char *text);
#endif
