/* latentc bench: what each stage of a pipeline makes of the machine, and reports of that.
 * cli/cmd_bench.c reads the command line. */
#ifndef LATENTC_BENCH_H
#define LATENTC_BENCH_H
#include "bench_machine.h"
#include "open_models.h"
#include "jit.h"
#include "buf.h"

/* ---- results ---- */

/* A fused operation: its one or more steps of the plan. */
typedef struct {
    const char *path; /* of the operation that the others were fused into */
    const char *kind; /* of its kernels */
    const char *form; /* of a contract: contract_form; else "" */
    int plan;         /* PLAN_*; PLAN_PROMPT and PLAN_TIME run before the loop */
    int steps;
    Products products; /* the widest kind of its steps' */
    bool memory;       /* what decides the bound: reading, or else arithmetic */
    double seconds;    /* of one run; of all timesteps where the plan is PLAN_TIME */
    double unfused; /* seconds of the operations that it consists of, each alone; 0: not measured */
    double flops;   /* of products, as the graph is written */
    double done;    /* of products that are really computed */
    double bytes;   /* operands and results, each once */
    double weight_bytes, bound; /* of `bytes`: the weights; the roofline in seconds */
} Region;

/* How a stage is compiled. */
typedef struct {
    const char *name; /* "fused", "unfused", or a rung of the ladder */
    unsigned fuse;    /* FUSE_* */
    ConvMode conv;
    bool bf16;
} Setting;

/* One stage in one setting. Times of a guided step are those of both halves. */
typedef struct {
    Setting set;
    double *runs; /* seconds, shortest first */
    int n_runs;
    double min, median, prepare; /* prepare: what runs before the loop */
    /* Of the short step of step caching: seconds, and FLOPs as written; 0: there is none. */
    double short_min, short_median, short_flops;
    double flops, done, bytes, bound; /* of the step plan */
    double share, share_done;         /* of the peak of the unit that products run on */
    double preemptions;               /* a second and thread, during the runs; bench_trust.h */
    int64_t peak_bytes;
    Region *regions; /* of all plans; their times are those of one run, which took `run` */
    int n_regions;
    double run;
    /* One more run, traced: begins at 0 seconds; span.step is an index into the step plan. */
    lrt_span *spans;
    size_t n_spans;
    const int *region_of; /* index of the region, for each of the n_steps steps of the step plan */
    int n_steps;
} Timing;

/* What an operation of the graph as written was fused into. */
typedef struct {
    const char *op, *region; /* paths */
} Match;
typedef struct {
    Match *list;
    int n;
} Matches;

/* A stage of the pipeline: a row of models.def. */
enum { MOST_RUNGS = 12 };
typedef struct {
    const char *name;
    const PipelineModel *model;
    bool guided, measured;
    bool in_loop;          /* it runs as the loop of generators runs it; guided: for two contexts */
    bool caches;           /* --cache is about this stage */
    bool skip;             /* --stage does not name it */
    Timing fused, unfused; /* unfused.n_runs == 0: not measured */
    Timing ladder[MOST_RUNGS];
    int n_ladder;
} Item;

/* A kernel, timed alone. */
typedef struct {
    const char *kind, *form, *shape, *model, *path; /* model and path: of its first use */
    int uses;                                       /* steps that run it */
    Products products;                              /* as in Region */
    bool memory;                                    /* as in Region */
    double seconds, best, flops, done, bytes, bound;
} KernelRow;

/* A whole run of the command. */
typedef struct {
    Arena *arena; /* of everything reported */
    const char *pipeline_path;
    const Pipeline *pipeline;
    CodeFlags code;
    WeightFlags weights;
    int64_t repeat;
    int64_t batch; /* 0: two for the guided step, one for the others */
    int threads;
    bool fused_only, trace;
    bool serve;       /* bench_serve.h */
    const char *only; /* NULL, or a text that a kernel's kind or shape must contain */
    Machine machine;
    Item items[MODEL_COUNT];
    KernelRow *kernels;
    int n_kernels;
    const char **notices; /* what speaks against the results: bench_trust.h */
    int n_notices;
} Bench;

/* ---- bench_stage.c ---- */

/* Compiles, runs and times one stage. With matches: fills it with what the passes fused, and
 * records a trace where b->trace is set. NULL: neither. The result lives in b->arena. */
Timing stage_measure(Bench *b, const Item *item, const Setting *set, Matches *matches);

/* Measures the stage with more and more passes, then convolution forms, then bf16; one line on
 * standard error for each. Fills item->ladder. */
void stage_ladder(Bench *b, Item *item);

/* ---- bench_regions.c ---- */

/* Adds each unfused operation's time to the region that it belongs to. */
void regions_compare(Timing *fused, const Timing *unfused, const Matches *m);

/* Whether the region runs in the loop, in full steps. */
static inline bool in_step(const Region *r) { return plan_in_loop(r->plan); }

/* ---- bench_class.c ---- */

/* The class of a kernel: an index for colours and sums. kind: of a step, such as "conv3x3 swish".
 */
enum { CLASS_CONV, CLASS_DENSE, CLASS_ATTENTION, CLASS_NORM, CLASS_OTHER, CLASS_COUNT };
extern const char *const class_names[CLASS_COUNT];
int class_of(const char *kind);

/* How the contract is computed: "direct", "F(2,3)", "up(2,3)", ...; "" where there is no choice. */
const char *contract_form(const Contract *c);

/* ---- bench_match.c ---- */

/* For every operation of `source`, the fused one of `fused` that computes it. */
Matches match_regions(Arena *a, const Graph *source, const Graph *fused);

/* The path of the region that computes the operation at path op; NULL: none does. */
const char *match_find(const Matches *m, const char *op);

/* ---- bench_kernels.c ---- */

/* Times every distinct convolution, product and attention of the stages that are not skipped, each
 * alone. Fills b->kernels, the one with the most time in all its uses first. */
void kernels_measure(Bench *b);

/* ---- bench_report.c ---- */

/* The results as JSON; docs/bench-schema.json explains every member. */
void report_json(const Bench *b, Buf *out);

/* Lines on standard error: one for the stage; one for each kind of kernel in it; one for each
 * kernel timed alone. */
void report_stage(const Item *item, const Timing *t);
void report_kinds(const Bench *b, const Timing *t);
void report_kernels(const Bench *b);

/* ---- bench_html.c ---- */

/* The results as one page of HTML that refers to nothing else. */
void report_html(const Bench *b, Buf *out);

/* ---- bench_plot.c ---- */

/* Pictures in SVG for that page: the operations of a stage, or the kernels timed alone, under the
 * roofline. */
void plot_roofline(const Bench *b, const Timing *t, Buf *out);
void plot_kernels(const Bench *b, Buf *out);

/* Rows of HTML: the time of each class of kernels. */
void plot_shares(const Item *item, Buf *out);
/* The rungs of the ladder as bars. */
void plot_ladder(const Item *item, Buf *out);
/* One run, as a bar for each task on each thread. */
void plot_timeline(const Timing *t, int threads, Buf *out);

/* Appends s with the characters escaped that XML reserves. */
void xml_text(Buf *out, const char *s);
#endif
