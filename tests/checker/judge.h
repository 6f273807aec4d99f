// Does a picture show what its caption says?
#ifndef CHECKER_JUDGE_H
#define CHECKER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "see.h"

typedef enum { SIZE_ANY, SIZE_SMALL, SIZE_BIG } Size;
typedef enum { RELATION_NONE, LEFT_OF, RIGHT_OF, ABOVE, BELOW } Relation;

// One column and row of the 3 x 3 places; ANY when the caption names none.
enum { PLACE_ANY = -1 };

typedef struct {
    int shape, color;
    Size size;
    int place; // row * 3 + column, 0 = top left, 4 = center, 8 = bottom right; PLACE_ANY
} Wanted;

typedef struct {
    int background; // COLOR_NONE: any
    int count;      // 1 or 2
    Wanted object[2];
    Relation relation; // of the first object to the second
} Caption;

// Reads {"objects": [{"shape", "color", "size"?, "place"?}], "relation"?, "background"?}; other
// members are ignored. On failure false, and message says what is wrong.
bool caption_parse(const char *json, Caption *out, char *message, size_t size);

// The same from entry number `index` of a JSON list in a file's text.
bool caption_parse_entry(const char *json, int index, Caption *out, char *message, size_t size);

// Compares. Shape, colour, background and relation count always, size and place words unless loose.
// reason receives one line.
bool judge(const Scene *scene, const Caption *caption, bool loose, char *reason, size_t size);

#endif
