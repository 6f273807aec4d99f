/* What this machine can do at most: arithmetic from registers, and reading from each level of
 * memory. A few tens of milliseconds each. */
#include "bench_machine.h"
#include "hardware.h"
#include "jit.h"
#include "peak.h"
#include "progress.h"
#include "err.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>

/* ---- arithmetic ---- */

/* The best of many short runs of a kernel that does nothing but multiply-adds in registers: what
 * else runs, or a host's scheduler, disturbs some. */
static double best_rate(const Engine *e, int stage, int threads, double flops)
{
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(engine_program(e)->stages[stage], engine_weights(e, stage),
                                       threads, &failed);
    if (!x)
        err("%s", failed);
    float out[64];
    double best = 0;
    lrt_set_output(x, 0, out);
    for (int i = 0; i < 40; i++) {
        double start = lrt_now();
        lrt_run_step(x, 0);
        double rate = flops / (lrt_now() - start);
        if (rate > best)
            best = rate;
    }
    lrt_instance_free(x);
    return best;
}

static Unit measure_unit(const Target *t, Products of, int threads, const char *name,
                         const char *text)
{
    Program *p = program_new(t, FUSE_NONE, CONV_DIRECT, of != PRODUCTS_F32);
    const int64_t iterations = 800000;
    double one = program_add_peak(p, of, iterations, 1),
           all = program_add_peak(p, of, iterations, threads);
    WeightSource *none[2] = {0};
    Engine *e = engine_new(p, none);
    Unit u = {name, text, best_rate(e, 0, 1, one), best_rate(e, 1, threads, all)};
    engine_free(e);
    return u;
}

/* Adds the unit of products of these operands. */
static void add_unit(Machine *m, Products of, const char *name, const char *text)
{
    m->unit_of[of] = m->n_units;
    m->units[m->n_units++] = measure_unit(m->target, of, m->threads, name, text);
}

static void measure_units(Machine *m)
{
    const Target *t = m->target;
    /* clang-format off */
    static const struct { const char *name, *text; } bf16[] = {
        [CORE_BF16_DOT] = {"vdpbf16ps", "dot products, bf16 (vdpbf16ps)"},
        [CORE_AMX] = {"tdpbf16ps", "tile products, bf16 (tdpbf16ps)"},
        [CORE_AMX_MODEL] = {"tdpbf16ps_model", "a model of tile products, bf16"},
    }, int8[] = {
        [DOT8_VNNI512] = {"vpdpbusd", "dot products, int8 (vpdpbusd)"},
        [DOT8_VNNI256] = {"vpdpbusd", "dot products, int8 (vpdpbusd)"},
        [DOT8_SDOT] = {"sdot", "dot products, int8 (sdot)"},
    };
    /* clang-format on */
    add_unit(m, PRODUCTS_F32, "fma_f32", "multiply-adds, f32");
    m->unit_of[PRODUCTS_BF16] = m->unit_of[PRODUCTS_INT8] = m->unit_of[PRODUCTS_F32];
    if (t->core != CORE_FMA)
        add_unit(m, PRODUCTS_BF16, bf16[t->core].name, bf16[t->core].text);
    if (target_dot8(t))
        add_unit(m, PRODUCTS_INT8, int8[t->dot8].name, int8[t->dot8].text);
}

/* ---- reading ---- */

typedef uint64_t Line __attribute__((vector_size(64)));

/* As wide as this machine can load; the sum keeps the loads alive. */
#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static uint64_t
read_lines(const Line *p, int64_t n)
{
    Line a = {0}, b = {0}, c = {0}, d = {0};
    for (int64_t i = 0; i < n; i += 4) {
        a |= p[i];
        b |= p[i + 1];
        c |= p[i + 2];
        d |= p[i + 3];
    }
    a |= b | c | d;
    return a[0] | a[1] | a[2] | a[3] | a[4] | a[5] | a[6] | a[7];
}

/* Seconds that `threads` threads take to read `passes` times the `lines` lines that each of them
 * has at `pool`. */
static double read_seconds(char *pool, int64_t lines, int64_t passes, int threads)
{
    double start = 0, end = 0;
    volatile uint64_t sink = 0;
#pragma omp parallel num_threads(threads)
    {
        const Line *mine = (const Line *)(void *)pool + lines * omp_get_thread_num();
        uint64_t all = 0;
#pragma omp barrier
#pragma omp master
        start = lrt_now();
        for (int64_t i = 0; i < passes; i++) {
            all |= read_lines(mine, lines);
            __asm__ volatile("" ::: "memory"); /* every pass reads again */
        }
#pragma omp barrier
#pragma omp master
        end = lrt_now();
        if (all)
            sink = all;
    }
    (void)sink;
    return end - start;
}

/* Bytes a second of all threads together, the best of five; each reads `each` bytes again and
 * again. */
static double read_rate(int64_t each, int threads)
{
    enum { HUGE_PAGE = 2 << 20 };
    int64_t lines = each < 4096 ? 64 : each / 256 * 4;
    size_t bytes = ((size_t)lines * 64 * (size_t)threads + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *pool = aligned_alloc(HUGE_PAGE, bytes);
    if (!pool)
        err("out of memory for %.0f MB to measure reading with", (double)bytes / 1e6);
    madvise(pool, bytes, MADV_HUGEPAGE); /* advice */
#pragma omp parallel num_threads(threads)
    memset(pool + lines * 64 * omp_get_thread_num(), 0, (size_t)lines * 64); /* near its reader */
    double best = 0;
    int64_t passes = ceil_div((int64_t)512 << 20, lines * 64);
    for (int i = 0; i < 5; i++) {
        double rate = (double)(lines * 64 * passes * threads) /
                      read_seconds(pool, lines, passes, threads);
        if (rate > best)
            best = rate;
    }
    free(pool);
    return best;
}

static void add_read(Machine *m, const char *level, int64_t one, int64_t each)
{
    m->reads[m->n_reads++] = (ReadRate){level, each, read_rate(one, 1),
                                        read_rate(each, m->threads)};
}

/* Sets that fit the level and not the one before, for one thread and for each of those that share
 * it. */
static void measure_reads(Machine *m)
{
    Cache l2 = cache_find(2), l3 = cache_find(3);
    if (l2.bytes <= 0)
        l2.bytes = m->target->l2_bytes;
    int sharing = l3.sharing < m->threads ? l3.sharing : m->threads,
        pairs = l2.sharing < m->threads ? l2.sharing : m->threads;
    add_read(m, "L2", l2.bytes / 2, l2.bytes / 2 / pairs);
    if (l3.bytes > 0)
        add_read(m, "L3", l2.bytes + l3.bytes / 2, l2.bytes + l3.bytes / 2 / sharing);
    int64_t last = cache_last_bytes(),
            beyond = 4 * (l3.bytes > 0 || last > 8 * l2.bytes ? last : 8 * l2.bytes),
            most = ((int64_t)1 << 30) / m->threads;
    add_read(m, "memory", beyond, beyond / sharing < most ? beyond / sharing : most);
    m->l3_bytes = l3.bytes;
}

Machine machine_measure(const Target *t, int threads)
{
    Machine m = {.target = t, .threads = threads};
    cpu_name(m.cpu, sizeof m.cpu);
    measure_units(&m);
    measure_reads(&m);
    return m;
}

double machine_again(const Machine *m)
{
    return measure_unit(m->target, PRODUCTS_F32, m->threads, NULL, NULL).all;
}

double machine_bound(const Machine *m, const Work *w, bool *memory)
{
    double far = m->reads[m->n_reads - 1].all,
           near = m->l3_bytes > 0 ? m->reads[m->n_reads - 2].all : far;
    double read = w->weight_bytes / (w->cached ? near : far) +
                  w->other_bytes / (w->other_bytes < (double)m->l3_bytes ? near : far);
    double compute = w->flops / machine_unit(m, w->products)->all;
    *memory = read > compute;
    return *memory ? read : compute;
}
