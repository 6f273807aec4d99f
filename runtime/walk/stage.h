/* Running a stage. The generator, programs of one graph, the compiler and the tests use this.
 * Programs that draw pictures use latentrt.h. */
#ifndef LATENTRT_STAGE_H
#define LATENTRT_STAGE_H
#include "cpu.h"
#include "error.h"
#include "plan.h"
#include "threads.h"

/* The index of the stage's input of that name; -1 when there is none. */
int lrt_stage_input(const lrt_stage *stage, const char *name);

/* Working memory of instances that run one at a time: no run reads what another one left there. */
typedef struct lrt_workspace lrt_workspace;
/* For each of the n stages, with that many threads (0: lrt_default_threads()). A page takes memory
 * from when a run first writes to it. NULL when memory is short. */
lrt_workspace *lrt_workspace_new(const lrt_stage *const *stages, size_t n, int threads);
void lrt_workspace_free(lrt_workspace *w);

/* A stage with its buffers, ready to run. Only one thread may use an instance at a time; its runs
 * use OpenMP threads. */
typedef struct lrt_instance lrt_instance;
/* weights: the stage's packed weights, 64-byte aligned; they must outlive the instance. threads: 0
 * for lrt_default_threads(). NULL, with *error (static text), when memory is short. */
lrt_instance *lrt_instance_new(const lrt_stage *stage, const void *weights, int threads,
                               const char **error);
/* The same in a workspace that was made for this stage and so many threads; it must outlive the
 * instance. */
lrt_instance *lrt_instance_in(const lrt_workspace *w, const lrt_stage *stage, const void *weights,
                              int threads, const char **error);
void lrt_instance_free(lrt_instance *x);
const lrt_stage *lrt_instance_stage(const lrt_instance *x);

/* Sets input or output i: the caller's memory, in the shape and type of stage->inputs[i] or
 * outputs[i], any alignment. It is used until another is set. */
void lrt_set_input(lrt_instance *x, uint32_t i, const void *data);
void lrt_set_output(lrt_instance *x, uint32_t i, void *data);
/* single: whether the prompt plan and the step plan compute only the first batch element from now
 * on. Results and outputs of the other elements are then undefined. */
void lrt_set_single(lrt_instance *x, int single);

/* Runs the prompt plan. Its inputs must be set. */
void lrt_run_prompt(lrt_instance *x);
/* Runs the time plan on embeddings (n, c), any n, and stores the results as rows 0 to n - 1. Does
 * nothing for a stage without a time plan. 0, or -1 when memory is short. */
int lrt_run_time(lrt_instance *x, const float *embeddings, int64_t n, int64_t c);
/* Runs the step plan with row time_row of the last lrt_run_time. */
void lrt_run_step(lrt_instance *x, int64_t time_row);
/* Whether lrt_run_short_step may run: the stage was compiled with step caching, and lrt_run_step
 * has run since the last lrt_run_prompt and lrt_forget_step, for all batch elements that a step
 * computes now (lrt_set_single). */
int lrt_can_shorten(const lrt_instance *x);
/* Runs the short step plan: as lrt_run_step, with the cached values that lrt_run_step left last. */
void lrt_run_short_step(lrt_instance *x, int64_t time_row);
/* The values that lrt_run_step left are not those of the next step's picture. */
void lrt_forget_step(lrt_instance *x);
/* Runs all plans in order, for a graph that stands alone. Inputs and outputs must be set. */
void lrt_run_all(lrt_instance *x);

/* One thread's part of one step. */
typedef struct {
    double begin, end; /* lrt_now(), without the barrier after the step */
    uint32_t
        step; /* over the steps of the prompt, time, step and short step plans, in that order */
    uint32_t thread;
    uint32_t tasks; /* how many it ran; threads that ran none have no span */
} lrt_span;
/* From now on, runs append their spans to `spans` (capacity), ordered by run, then step, then
 * thread; more are dropped. NULL: off. A thread writes to memory of its own; `spans` is filled when
 * a plan ends. */
void lrt_set_trace(lrt_instance *x, lrt_span *spans, size_t capacity);
/* How many spans were written since lrt_set_trace. */
size_t lrt_trace_count(const lrt_instance *x);
/* Unless NULL: every step's wall time in seconds is added to seconds[k]; k counts as in lrt_span.
 */
void lrt_set_timing(lrt_instance *x, double *seconds);
#endif
