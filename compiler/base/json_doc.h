/* What json.c and json_build.c know of documents; they alone include cJSON. */
#ifndef LATENTC_JSON_DOC_H
#define LATENTC_JSON_DOC_H
#include <cjson/cJSON.h>

#include "arena.h"
#include "json.h"

/* Where a node is: the file, and the pointer in it. */
typedef struct {
    const char *file, *pointer;
} Place;

/* A node that came from another document (json_adopt). */
typedef struct {
    const cJSON *node;
    Place place;
} Adopted;

struct JsonDoc {
    Arena *arena;
    const char *file;
    /* what messages name instead of the file and the pointer; NULL: nothing */
    const char *stands_for;
    cJSON *root;
    Adopted *adopted;
    int n_adopted, cap_adopted;
};
static const double EXACT = 9007199254740992.0; /* 2^53 */

/* The node as cJSON has it. */
static inline cJSON *node(Json j) { return (cJSON *)j.node; }

/* Where the node is; of one that was adopted, or is below one, in the file that it came from. */
Place json_place(Json j);

/* A document with this tree, which it owns. */
Json json_document(const char *file, cJSON *root);
#endif
