/* Opening the container: the sections that follow the running program in its own file. */
#ifndef LATENTRT_CONTAINER_H
#define LATENTRT_CONTAINER_H
#include "error.h"
#include "plan.h"

typedef struct {
    lrt_footer footer;
    const void *section[LRT_SECTION_COUNT]; /* mapped read-only, shared with every other process that runs this file;
                                               NULL when empty or not asked for */
} lrt_container;
/* path: the file, "/proc/self/exe" for the running program. Checks that the file is whole and laid out as
 * `layout_hash` says. `sections` has a bit for each section that is to be mapped; those are checked to be what the
 * file was made with (every byte is hashed, in parallel). */
enum { LRT_MAP_WEIGHTS = 1 << LRT_SECTION_WEIGHTS, LRT_MAP_VOCAB = 1 << LRT_SECTION_VOCAB };
bool lrt_container_open(const char *path, uint64_t layout_hash, unsigned sections, lrt_container *c, lrt_error *e);
void lrt_container_close(lrt_container *c);
#endif
