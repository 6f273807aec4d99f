/* Opening the container: the sections that follow the running program in its own file. */
#ifndef LATENTRT_CONTAINER_H
#define LATENTRT_CONTAINER_H
#include "error.h"
#include "plan.h"

typedef struct {
    lrt_footer footer;
    const void *section[LRT_SECTION_COUNT]; /* mapped read-only, shared with every other process that runs this file; NULL when empty */
} lrt_container;
/* path: the file, "/proc/self/exe" for the running program. Checks that the file is whole, that its weights are those that it was made
 * with (every byte is hashed, in parallel) and that they are laid out as `layout_hash` says. */
bool lrt_container_open(const char *path, uint64_t layout_hash, lrt_container *c, lrt_error *e);
void lrt_container_close(lrt_container *c);
#endif
