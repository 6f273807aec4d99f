/* Opening a container: the sections that follow the running program in its own file, or packed
 * weights in theirs. */
#ifndef LATENTRT_CONTAINER_H
#define LATENTRT_CONTAINER_H
#include "error.h"
#include "plan.h"

/* A file, and how messages speak of it; texts outlive the container. */
typedef struct {
    const char *path;
    const char *what; /* "the program file" */
    const char
        *mend; /* what to do when it is missing, damaged or another's; NULL: nothing is said */
    uint64_t layout_hash; /* of the code that is to run on it */
} lrt_container_file;
typedef struct {
    lrt_container_file file;
    lrt_footer footer;
    const void
        *section[LRT_SECTION_COUNT]; /* mapped read-only, shared with every other process that runs
                                        this file; NULL when empty or not asked for */
    unsigned unchecked;              /* a bit for each section that is mapped, but not hashed yet */
} lrt_container;
/* Reads the footer, and checks that the file is as long as it says. The layout is not looked at. */
bool lrt_footer_read(const lrt_container_file *file, lrt_footer *f, lrt_error *e);
/* Checks that the file is whole and laid out as the code wants it. `sections` has a bit for each
 * section that is to be mapped; those are checked to be what the file was made with (every byte is
 * hashed, in parallel), but for those in `later`, which lrt_container_check does. */
enum { LRT_MAP_WEIGHTS = 1 << LRT_SECTION_WEIGHTS, LRT_MAP_VOCAB = 1 << LRT_SECTION_VOCAB };
bool lrt_container_open(const lrt_container_file *file, unsigned sections, unsigned later,
                        lrt_container *c, lrt_error *e);
/* Hashes what is not checked yet; once. Gigabytes of weights take longer than the rest of the
 * start: a program may run on them first, as long as it checks before it lets a result out. */
bool lrt_container_check(lrt_container *c, lrt_error *e);
void lrt_container_close(lrt_container *c);
#endif
