/* A stage and its run: what the generator, programs of one graph, the compiler and the tests use of
 * the runtime. Programs that draw pictures use latentrt.h. */
#ifndef LATENTRT_STAGE_H
#define LATENTRT_STAGE_H
#include "cpu.h"
#include "error.h"
#include "plan.h"

/* The index of the stage's input of that name; -1 when there is none. */
int lrt_stage_input(const lrt_stage *stage, const char *name);
/* One stage ready to run: its buffers. Not thread-safe; uses OpenMP inside. */
typedef struct lrt_instance lrt_instance;
/* weights: address of the stage's packed weights (64-byte aligned). Returns NULL and sets *error
 * (static text) when memory is short. */
lrt_instance *lrt_instance_new(const lrt_stage *stage, const void *weights, int threads,
                               const char **error);
void lrt_instance_free(lrt_instance *x);
const lrt_stage *lrt_instance_stage(const lrt_instance *x);
/* Input and output i (input data is copied or referenced until the run ends; 64-byte alignment not
 * required: kernels use unaligned access). */
void lrt_set_input(lrt_instance *x, uint32_t i, const void *data);
void lrt_set_output(lrt_instance *x, uint32_t i, void *data);
/* Runs the prompt plan (after its inputs were set). */
void lrt_run_prompt(lrt_instance *x);
/* Runs the time plan for n rows of timestep embeddings (n, c), n arbitrary; allocates the rows.
 * Without a time plan: does nothing. */
int lrt_run_time(lrt_instance *x, const float *embeddings, int64_t n, int64_t c);
/* Runs the step plan; time_row selects the row computed by lrt_run_time. */
void lrt_run_step(lrt_instance *x, int64_t time_row);
/* single: from now on the step plan computes the first batch element alone; the others' part of
 * every result and output is undefined. */
void lrt_set_single(lrt_instance *x, int single);
/* All plans in order, for one graph run alone: inputs and outputs must be set. */
void lrt_run_all(lrt_instance *x);
/* Gives the working memory back to the system until the next run (results of the prompt and time
 * plans stay). */
void lrt_instance_release(lrt_instance *x);
/* One thread's share of one step: lrt_now() at its begin and end, the barrier after it not
 * included. step counts the prompt, time and step plans' steps in that order; tasks: how many of
 * its tasks; a thread without one has no span. */
typedef struct {
    double begin, end;
    uint32_t step, thread, tasks;
} lrt_span;
/* From now on every run appends the spans of its threads to `spans`, until `capacity` of them are
 * there; NULL: off. They are ordered by run, then step, then thread. Threads write to memory of
 * their own; the buffer is filled when a plan ends. */
void lrt_set_trace(lrt_instance *x, lrt_span *spans, size_t capacity);
size_t lrt_trace_count(const lrt_instance *x); /* spans written since lrt_set_trace */
/* When not NULL, every step's wall time is added to t[k], k counting prompt, time and step plans'
 * steps in that order. */
void lrt_set_timing(lrt_instance *x, double *seconds);
#endif
