/* latentc bench: what the machine can do, what each stage does with it, and reports of both.
 * cmd_bench.c reads the command line. */
#ifndef LATENTC_BENCH_H
#define LATENTC_BENCH_H
#include "build.h"
#include "jit.h"

/* ---- bench_machine.c ---- */
enum { MOST_UNITS = 4, MOST_READS = 3 };
typedef struct {
    const char *name, *text;
    double one, all;
} Unit; /* operations a second, on one thread and on all */
typedef struct {
    const char *level;
    int64_t each;
    double one, all;
} ReadRate; /* bytes a second; each: bytes that every one of all threads reads */
typedef struct {
    const Target *target;
    char cpu[96];
    int threads;
    Unit units[MOST_UNITS]; /* units[0]: multiply-adds in f32 */
    ReadRate reads[MOST_READS];
    int n_units, n_reads, bf16_unit; /* bf16_unit: what products of bf16 operands run on */
    int64_t l3_bytes;                /* 0: none */
} Machine;
/* Measures; takes about a second. Kernels are those of target t. */
Machine machine_measure(const Target *t, int threads);
static inline const Unit *machine_unit(const Machine *m, bool bf16)
{
    return &m->units[bf16 ? m->bf16_unit : 0];
}
/* The shortest time that the machine may take: products at the unit's peak, every byte read once;
 * weights come from memory unless `cached`, other operands from L3 where they fit it. *memory: the
 * bytes decide. */
double machine_bound(const Machine *m, bool bf16, double flops, double weight_bytes,
                     double other_bytes, bool cached, bool *memory);

/* ---- bench_stage.c ---- */
/* A fused operation: its one or more steps of the plan. */
typedef struct {
    const char *path, *kind; /* of the operation that the others were fused into; of its kernels */
    const char
        *form; /* the algorithm: "direct", "F(2,3)", "up(2,3)", ..., "" where there is no choice */
    int plan, steps;   /* PLAN_*; PROMPT and TIME are prepared before the loop */
    bool bf16, memory; /* operands of its products; what decides the bound */
    double seconds,
        unfused;        /* unfused: of the operations that it was made of; 0 when not measured */
    double flops, done; /* as the graph is written; of the products really computed */
    double bytes, weight_bytes, bound;
} Region;
/* One setting of one stage. Times of a guided step are those of both halves. */
typedef struct {
    const char *name; /* "fused", "unfused", or the ladder's rung */
    unsigned fuse;
    ConvMode conv;
    bool bf16;
    double *runs;
    int n_runs; /* in order of time */
    double min, median, prepare;
    double flops, done, bytes, bound; /* of the step plan */
    double share, share_done;         /* of the peak of the unit that products run on */
    int64_t peak_bytes;
    Region *regions;
    int n_regions; /* every plan's; their times are of the run `run` */
    double run;
    lrt_span *spans;
    size_t n_spans; /* one more run; begins at 0; span.step counts the step plan */
    const int *region_of;
    int n_steps; /* per step of the step plan */
} Timing;
/* What a source operation was fused into (bench_match.c). */
typedef struct {
    const char *op, *region;
} Match;
typedef struct {
    Match *list;
    int n;
} Matches;

enum { MOST_RUNGS = 12 };
typedef struct {
    const char *name;
    const PipelineModel *model;
    bool guided, measured, skip; /* skip: --stage leaves it out */
    Timing fused, unfused;       /* unfused.n_runs == 0: not measured */
    Timing ladder[MOST_RUNGS];
    int n_ladder;
} Item;

/* A kernel alone (bench_kernels.c). */
typedef struct {
    const char *kind, *form, *shape, *model, *path; /* of its first use */
    int uses;
    bool bf16, memory;
    double seconds, best, flops, done, bytes, bound;
} KernelRow;

typedef struct {
    Arena *arena; /* of everything reported */
    const char *pipeline_path;
    const Pipeline *pipeline;
    CodeFlags code;
    WeightFlags weights;
    int64_t repeat, batch; /* batch 0: two for the guided step, one for the rest */
    int threads;
    bool fused_only, trace, serve; /* serve: bench_serve.h */
    const char *only;              /* NULL, or what kernels must contain in kind or shape */
    Machine machine;
    Item items[MODEL_COUNT];
    KernelRow *kernels;
    int n_kernels;
} Bench;

Timing stage_measure(Bench *b, const Item *item, const char *name, unsigned fuse, ConvMode conv,
                     bool bf16, Matches *matches /* may be NULL */);
void stage_ladder(Bench *b, Item *item);
/* Adds each unfused operation's time to the region that it belongs to. */
void regions_compare(Timing *fused, const Timing *unfused, const Matches *m);
static inline bool in_step(const Region *r) { return r->plan == PLAN_STEP; }

/* ---- bench_class.c ---- */
/* The class of a kernel: an index for colours and sums. kind: of a step, such as "conv3x3 swish".
 */
enum { CLASS_CONV, CLASS_DENSE, CLASS_ATTENTION, CLASS_NORM, CLASS_OTHER, CLASS_COUNT };
extern const char *const class_names[CLASS_COUNT];
int class_of(const char *kind);
/* How the contract is computed: "direct", "F(2,3)", "up(2,3)", ...; "" where there is no choice. */
const char *contract_form(const Contract *c);

/* bench_match.c: for every operation of `source` the fused one of `fused` that computes it. */
Matches match_regions(Arena *a, const Graph *source, const Graph *fused);
const char *match_find(const Matches *m, const char *op); /* NULL when there is none */

/* bench_kernels.c: every distinct convolution, product and attention of the pipeline's models, each
 * alone. */
void kernels_measure(Bench *b);

/* bench_report.c */
void report_json(const Bench *b, Buf *out);           /* docs/bench.md */
void report_stage(const Item *item, const Timing *t); /* lines on standard error */
void report_kinds(const Bench *b, const Timing *t);
void report_kernels(const Bench *b);

/* bench_html.c: one page that needs nothing else; bench_plot.c: its pictures. */
void report_html(const Bench *b, Buf *out);
void plot_roofline(const Bench *b, const Timing *t, Buf *out);
void plot_kernels(const Bench *b, Buf *out);
void plot_shares(const Item *item, Buf *out);
void plot_ladder(const Item *item, Buf *out);
void plot_timeline(const Timing *t, int threads, Buf *out);
void xml_text(Buf *out, const char *s); /* escaped */
#endif
