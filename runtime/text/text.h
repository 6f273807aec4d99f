/* Text as CLIP's tokenizer cleans it, with the semantics of Python's str and html modules. */
#ifndef LATENTRT_TEXT_H
#define LATENTRT_TEXT_H
#include <stdint.h>
#include <stddef.h>

#include "error.h"

/* Code points; grows. Zero-initialise, free(data) when done. `failed` is set, and stays, when
 * memory is short. */
typedef struct {
    uint32_t *data;
    size_t n, cap;
    bool failed;
} lrt_text;
void lrt_text_add(lrt_text *t, uint32_t c);
/* Code points of UTF-8 bytes; names the offset of the first byte that is not valid (overlong forms
 * and surrogates are not). */
bool lrt_text_decode(const char *s, size_t n, lrt_text *out, lrt_error *e);
/* UTF-8 of one code point; returns how many bytes of out were written, 1 to 4. */
int lrt_utf8_encode(uint32_t c, char out[4]);
/* html.unescape of Python: numeric and named references, names without semicolon included. */
void lrt_html_unescape(const lrt_text *in, lrt_text *out);
/* html.unescape twice, strip, runs of white space to one space, strip, lower (U+0130 and the final
 * sigma included). */
bool lrt_text_clean(const lrt_text *in, lrt_text *out, lrt_error *e);
#endif
