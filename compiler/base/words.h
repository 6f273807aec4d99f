/* Words that people type. */
#ifndef LATENTC_WORDS_H
#define LATENTC_WORDS_H
#include <stddef.h>

/* The candidate nearest to word by edit distance, NULL when none is near: for "did you mean". */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);
#endif
