/* Names that people type, looked up in tables: "did you mean". */
#ifndef LATENTRT_NAMES_H
#define LATENTRT_NAMES_H
#include <stddef.h>

/* A column of names: n pointers to text, `stride` bytes apart. NULL pointers are passed over. */
typedef struct {
    const char *const *first;
    size_t stride;
    int n;
} lrt_names;
/* The names of an array of n texts; of a table of n rows, each with its name in `member`. */
#define LRT_NAMES(array, n) ((lrt_names){(array), sizeof *(array), n})
#define LRT_NAMES_OF(table, member, n) ((lrt_names){&(table)->member, sizeof *(table), n})
/* Room for what lrt_name_hint writes. */
typedef struct {
    char text[800];
} lrt_hint;

/* The index of word among names; -1: it is none of them. */
int lrt_name_find(const char *word, lrt_names names);
/* The name nearest to word; NULL when none is near. */
const char *lrt_name_near(const char *word, lrt_names names);
/* What a message says after a word that is none of the names: "did you mean 'X'?", or, when no name
 * is near, "expected A, B or C". Returns h->text. */
const char *lrt_name_hint(const char *word, lrt_names names, lrt_hint *h);
#endif
