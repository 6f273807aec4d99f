/* Words that people type, looked up in tables: "did you mean". */
#ifndef LATENTC_WORDS_H
#define LATENTC_WORDS_H
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

/* A column of names: n pointers to text, `stride` bytes apart. NULL pointers are passed over. */
typedef struct {
    const char *const *first;
    size_t stride;
    int n;
} Names;
/* The names of an array of n texts; of a table of n rows, each with its name in `member`. */
#define NAMES(array, n) ((Names){(array), sizeof *(array), (int)(n)})
#define NAMES_OF(table, member, n) ((Names){&(table)->member, sizeof *(table), (int)(n)})

/* The index of word among names; -1: it is none of them. */
int name_find(const char *word, Names names);

/* What a message says after a word that is none of the names: "did you mean 'X'?", or, when no name
 * is near, "expected A, B or C". It holds until the thread's next call. */
const char *name_hint(const char *word, Names names);

/* The index of word among names. usage_err() with the hint when it is none of them: "WHAT: unknown
 * 'WORD': ...". what: "--dtype", for example. */
int name_choice(const char *what, const char *word, Names names);

/* Does the text match the pattern, in which '*' stands for any characters? */
bool words_match(const char *pattern, const char *text);

/* The text as one word of a shell (shell_word.h); the arena's. */
const char *shell_word(Arena *a, const char *text);
#endif
