/* Opening a container: the sections at the end of a program's own file, or of a file of packed
 * weights. plan.h has the format. */
#ifndef LATENTRT_CONTAINER_H
#define LATENTRT_CONTAINER_H
#include "error.h"
#include "plan.h"

/* A file, and how messages name it. The texts must outlive the container. */
typedef struct {
    const char *path;
    const char *what; /* "the program file" */
    /* What the user can do when it is missing, damaged or made for other code; NULL: nothing. */
    const char *remedy;
    uint64_t layout_hash; /* of the code that will use the file */
    bool code_checked;    /* lrt_container_check_code was there: its code is not hashed again */
} lrt_container_file;
typedef struct {
    lrt_container_file file;
    lrt_footer footer;
    /* Mapped read-only and shared by all processes that map the file; NULL: empty, or not wanted.
     */
    const void *section[LRT_SECTION_COUNT];
    /* A bit for each section that is mapped, but whose hash is not checked yet. */
    unsigned unchecked;
} lrt_container;
/* Reads the footer, and checks it and the file's length. Does not compare the layout. */
bool lrt_footer_read(const lrt_container_file *file, lrt_footer *f, lrt_error *e);
/* Bits for lrt_container_open. */
enum {
    LRT_MAP_WEIGHTS = 1 << LRT_SECTION_WEIGHTS,
    LRT_MAP_VOCAB = 1 << LRT_SECTION_VOCAB,
    LRT_MAP_CONTEXT = 1 << LRT_SECTION_CONTEXT
};
/* Checks that the file is whole and that its layout is the code's, checks the code, and maps
 * `sections`. Checks the hashes of those (every byte is read, in parallel), except for those in
 * `later`, which lrt_container_check does. false, with *e: c is closed. */
bool lrt_container_open(const lrt_container_file *file, unsigned sections, unsigned later,
                        lrt_container *c, lrt_error *e);
/* Checks that the code of the file and the bytes between its sections are those that it was made
 * with, in one thread. A program calls it before it starts threads and before it uses any of its
 * kernels; lrt_container_open does the same for a file that has code. */
bool lrt_container_check_code(const lrt_container_file *file, lrt_error *e);
/* For weights that are about to be used: enters `bytes` of them from `offset` on into the page
 * table, with all threads, so that kernels take no page faults. Leaves out what is not in memory
 * yet: the work need not wait until a disk has delivered all of it. */
void lrt_container_prepare(const lrt_container *c, uint64_t offset, uint64_t bytes);
/* Checks the hashes that are not checked yet, at the speed of memory. For gigabytes of weights that
 * takes as long as the rest of a program's start, so it may run on them first and check before it
 * shows a result. */
bool lrt_container_check(lrt_container *c, lrt_error *e);
void lrt_container_close(lrt_container *c);
#endif
