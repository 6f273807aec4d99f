/* Graph files that include others: "include": ["../blocks/unet.json"]. */
#ifndef LATENTC_INCLUDE_H
#define LATENTC_INCLUDE_H
#include "json.h"

/* Gives the document of an included file. `at` is the text that names it, `path` the name from the
 * including file's folder. err() when there is none. The caller frees the document. */
typedef Json IncludeLoad(void *context, Json at, const char *path);

/* A graph's document with everything that its file includes, and what those include, in it:
 * sections member by member. A member of the file itself replaces an included one; one that stands
 * in two included files is an error. Messages name the file that a member stands in. `root` is
 * freed if the result is another document. */
Json graph_include(Json root, IncludeLoad *load, void *context);
#endif
