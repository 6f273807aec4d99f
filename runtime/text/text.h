/* Cleaning text as CLIP's tokenizer does, with the semantics of Python's str and html modules. */
#ifndef LATENTRT_TEXT_H
#define LATENTRT_TEXT_H
#include <stdint.h>
#include <stddef.h>

#include "error.h"

/* A growing array of code points. Zero-initialise it; free(data) when done. When memory is short,
 * `failed` is set for good, and nothing more is added. */
typedef struct {
    uint32_t *data;
    size_t n, cap;
    bool failed;
} lrt_text;
/* Appends c. */
void lrt_text_add(lrt_text *t, uint32_t c);
/* Appends the code points of n UTF-8 bytes. false, with *e: the first invalid byte, by its offset
 * (overlong forms and surrogates are invalid), or memory is short. */
bool lrt_text_decode(const char *s, size_t n, lrt_text *out, lrt_error *e);
/* Python's html.unescape, appended to out: numeric and named references, also names that stand
 * without a semicolon. */
void lrt_html_unescape(const lrt_text *in, lrt_text *out);
/* Unicode's normalization form C, appended to out: a letter and its accent, as macOS and many
 * keyboards write them, become one character where there is one. */
void lrt_text_compose(const lrt_text *in, lrt_text *out);
/* Appends to out: html.unescape twice, NFC, strip, runs of white space to one space, strip, lower
 * (with U+0130 and the final sigma as in Python). false, with *e: memory is short. */
bool lrt_text_clean(const lrt_text *in, lrt_text *out, lrt_error *e);
#endif
