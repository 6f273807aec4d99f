/* The form of a record: a prompt, a negative prompt, and fields "Key: value", as web interfaces and
 * programs near them write it. Nothing here knows the settings.
 *
 *     a red circle
 *     Negative prompt: blue
 *     Steps: 25, Sampler: DDIM, Hashes: {"vae": "aa", "model": "bb"}, Tiles: 1,2, Model: "a, b"
 *     Template: a line of another program
 */
#ifndef LATENTRT_METADATA_FIELDS_H
#define LATENTRT_METADATA_FIELDS_H
#include <stdbool.h>
#include <stddef.h>

/* A part of a text. */
typedef struct {
    const char *text;
    size_t n;
} lrt_span;
typedef struct {
    lrt_span prompt, negative;
    lrt_span fields; /* the line that begins with "Steps:", or the last one that has "Steps" */
    lrt_span rest;   /* the lines behind it */
} lrt_record_parts;
/* Cuts a record into its parts, which point into text. false: it has no line of fields. */
bool lrt_record_split(const char *text, lrt_record_parts *parts);
/* The first line of the text in *rest, without its end; *rest becomes what is behind it. */
lrt_span lrt_record_line(lrt_span *rest);

typedef struct {
    char key[64]; /* "": no field, or the rest of a list "1,2,3" */
    char *value;  /* malloc'd; NULL when memory is short */
} lrt_record_field;
/* Takes the next field of a line. A value is a JSON string, or all up to the next comma; commas
 * inside of brackets (JSON, tuples) do not count. false: the line is at its end. */
bool lrt_record_next(lrt_span *line, lrt_record_field *field);
#endif
