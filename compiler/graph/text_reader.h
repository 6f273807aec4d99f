/* The tokens of text forms: graphs (parse_text.c) and lowered programs (program_parse.c). A mistake
 * is the user's: err() with file:line:column, what was found, what was expected. */
#ifndef LATENTC_TEXT_READER_H
#define LATENTC_TEXT_READER_H
#include "ir.h"

typedef struct {
    const char *file;
    /* The next character, and where its line begins. */
    const char *p, *line_start;
    int line;
    /* Owns the texts that were read, until text_end. */
    Arena *scratch;
} TextReader;

/* A reader at the beginning of text. `file` is for messages. The caller keeps both texts until
 * text_end. */
TextReader text_reader(const char *text, const char *file);

/* Frees the texts that were read. */
void text_end(TextReader *t);

/* "found 'token', expected ..." */
_Noreturn void text_fail(const TextReader *t, const char *expected);

/* A mistake whose message says itself what was found, at `at` in this line. */
_Noreturn void text_fail_at(const TextReader *t, const char *at, const char *message);

/* Skips blanks within the line. */
void text_blanks(TextReader *t);

/* Skips the end of this line, empty lines and comments (# to the end of the line). False at the end
 * of the text. */
bool text_next_line(TextReader *t);

/* Fails unless the rest of the line is blank or a comment. Stays on the line. */
void text_end_of_line(TextReader *t);

/* Takes this token if it comes next. text_expect() fails when it does not. */
bool text_accept(TextReader *t, const char *token);
void text_expect(TextReader *t, const char *token);

/* Letters, digits and _; `what` is expected. */
const char *text_word(TextReader *t, const char *what);

/* A text in double quotes on one line. Quotes and backslashes are escaped. */
const char *text_quoted(TextReader *t);

/* An integer from least to most. */
int64_t text_integer(TextReader *t, int64_t least, int64_t most);

/* A finite number; a shape such as [1,64,64,4]; f32 or i32. */
double text_real(TextReader *t);
Shape text_shape(TextReader *t);
Dtype text_dtype(TextReader *t);

/* "path"[shape], or ("a"[width]*scale+"b"[width])[shape], after its w: a weight of g. */
TensorId text_weight(TextReader *t, Graph *g);
#endif
