/* A stage's buffers: what instance.c allocates and walk.c uses. */
#ifndef LATENTRT_INSTANCE_H
#define LATENTRT_INSTANCE_H
#include <stdatomic.h>
#include <stdbool.h>

#include "stage.h"

/* Zeroed memory in a mapping of its own. Large blocks are aligned to 2 MiB, for huge pages. */
typedef struct {
    void *base;
    size_t mapped;
    char *p;
} lrt_block;

/* While a plan runs, each thread writes `stride` spans of its own, one per step. After the plan
 * they are appended to `spans`. */
typedef struct {
    lrt_span *spans, *own;
    size_t capacity, count, stride;
} lrt_trace;

/* The range of tasks that a thread has still to run: begin in the low 32 bits, end in the high
 * ones. The thread takes tasks from the beginning, other threads from the end. One cache line each.
 */
typedef struct {
    _Alignas(64) _Atomic uint64_t range;
} lrt_share;

struct lrt_workspace {
    lrt_block arena, scratch;
    size_t scratch_stride; /* bytes from one thread's scratch to the next one's */
};

struct lrt_instance {
    const lrt_stage *stage;
    const char *weights;
    int threads;
    const lrt_workspace *work;
    lrt_workspace *own; /* where it is not the caller's */
    lrt_block prompt, time, interval;
    lrt_share *shares; /* [2][threads]: steps alternate between the two sets */
    void **io;         /* n_inputs + n_outputs addresses */
    int time_input;    /* the input that the time plan reads; -1 when there is none */
    float *embeddings; /* of the last lrt_run_time; each row repeated for all batch elements */
    int64_t embedding_width, rows;
    bool single;        /* the step plan computes the first batch element alone */
    bool stored;        /* `interval` has the values of a full step, */
    bool stored_single; /* of the first batch element alone */
    double *seconds;
    lrt_trace trace;
};

/* How many timesteps one run of the stage's time plan computes. */
int64_t lrt_rows_together(const lrt_stage *s);
/* How many batch elements of the time plan's input get the same row. */
int64_t lrt_copies_of_row(const lrt_instance *x);
/* Allocates embeddings (rows, copies, c) and results for `rows` timesteps. false: memory is short.
 */
bool lrt_reserve_rows(lrt_instance *x, int64_t rows, int64_t c);
#endif
