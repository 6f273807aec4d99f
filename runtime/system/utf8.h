/* UTF-8, and text of unknown origin as messages show it. */
#ifndef LATENTRT_UTF8_H
#define LATENTRT_UTF8_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decodes the sequence at s, where n > 0 bytes are left, to *c. Returns its length, 1 to 4; 0 when
 * it is invalid (overlong forms, surrogates and numbers above 0x10ffff are). */
size_t lrt_utf8_decode(const char *s, size_t n, uint32_t *c);
/* Writes c as UTF-8; returns the number of bytes, 1 to 4. */
int lrt_utf8_encode(uint32_t c, char out[4]);
/* A text whose encoding nobody says, as UTF-8: what is valid UTF-8 is that, anything else Latin-1.
 * Up to n bytes, or a NUL. malloc'd; NULL when memory is short. */
char *lrt_utf8_guess(const char *text, size_t n);
/* Whether all of text is valid. */
bool lrt_utf8_valid(const char *text);
/* Ends text before a sequence that is cut at its end: for a text that was made with snprintf and
 * did not fit. */
void lrt_utf8_trim(char *text);
/* A text of at most LRT_BRIEF bytes, for messages. */
enum { LRT_BRIEF = 80 };
typedef struct {
    char text[LRT_BRIEF + 4];
} lrt_brief_text;

/* What a message quotes of a text that may be long, such as a prompt: all of it, or its first
 * LRT_BRIEF bytes at most and "...". Whole characters. Returns out->text. */
const char *lrt_brief(lrt_brief_text *out, const char *text);

/* The same for one use as an argument. */
#define LRT_BRIEFLY(text) lrt_brief(&(lrt_brief_text){{0}}, text)

/* Writes text, which may be any bytes of a file, so that it stays on one line and shows what it is:
 * valid UTF-8 as it is; control characters as \n, \t, \r, \x1b or \u0085; characters that change
 * the direction of text, and separators of lines, as \u202e; bytes that are not UTF-8 as \xff. out
 * receives at most size - 1 bytes, whole characters and escapes, and a NUL. A second call changes
 * nothing. */
void lrt_plain(char *out, size_t size, const char *text);
/* The same of n bytes, to a file. */
void lrt_put_plain(FILE *out, const char *text, size_t n);
#endif
