/* Files that are part of the program: cmake/embed.cmake puts them into it, compiler/CMakeLists.txt
 * lists them. */
#ifndef LATENTC_EMBEDDED_H
#define LATENTC_EMBEDDED_H
#include <stddef.h>

#include "json.h"

typedef struct {
    /* from the source folder: "graphs/sd2/decoder.json" */
    const char *path;
    /* followed by a NUL that length does not count */
    const char *text;
    size_t length;
} EmbeddedFile;

/* All of them; after the last one path is NULL. */
extern const EmbeddedFile embedded_files[];

/* ---- embedded.c ---- */

/* The JSON of the embedded file of that path; the caller frees it. die() when there is none. */
Json embedded_json(const char *path);

/* The same of a graph, with the embedded files that it includes. */
Json embedded_graph(const char *path);
#endif
