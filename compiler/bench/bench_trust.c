/* See bench_trust.h. */
#include "bench_trust.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include "alloc.h"
#include "err.h"

/* Limits. They lie well beyond what a quiet machine shows, so that a notice means something. */
enum { MOST_NOTICES = 40 };
/* All threads against their number times one thread. Two hardware threads of one core reach 0.5, a
 * lower clock with all cores busy 0.6. */
static const double least_scaling = 0.45, most_scaling = 1.2;
/* A level of memory that all threads together read slower than one alone; a level that is read
 * faster than the one before it. */
static const double least_reading = 0.7, most_reading = 1.3;
/* Part of the peak that products really done may take; rounding and clocks allow a little more. */
static const double most_share = 1.05;
/* Between the slowest and the fastest run, of the median. */
static const double most_spread = 0.2;
/* The peak at the end against that at the beginning. */
static const double most_drift = 0.2;
/* Preemptions a second and thread. A busy neighbour on the same core makes 100 and more. */
static const double most_preemptions = 30;
/* Seconds that a clock resolves well enough for a ratio; ratios beyond any pass or form. */
static const double least_seconds = 1e-6, most_times = 100;

static void add(Bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(Bench *b, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    if (b->n_notices == MOST_NOTICES)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!b->n_notices)
        note("not alone? Something else seems to run on this machine, or its clock changes: do not "
             "trust the numbers that these lines name");
    if (!b->notices)
        b->notices = arena_alloc(b->arena, MOST_NOTICES * sizeof *b->notices);
    b->notices[b->n_notices++] = arena_strdup(b->arena, text);
    note("not alone? %s", text);
}

void trust_machine(Bench *b)
{
    const Machine *m = &b->machine;
    for (int i = 0; i < m->n_units; i++) {
        double times = m->units[i].all / m->units[i].one;
        if (m->threads > 1 &&
            (times < least_scaling * m->threads || times > most_scaling * m->threads))
            add(b, "%s: %d threads together do %.2f times as much as one", m->units[i].text,
                m->threads, times);
    }
    for (int i = 0; i < m->n_reads; i++) {
        const ReadRate *r = &m->reads[i];
        if (r->all < least_reading * r->one)
            add(b, "reading from %s: %d threads together read %.2f times as fast as one", r->level,
                m->threads, r->all / r->one);
        if (i && r->one > most_reading * r[-1].one)
            add(b, "%s is read %.2f times as fast as %s, by one thread", r->level,
                r->one / r[-1].one, r[-1].level);
    }
}

void trust_timing(Bench *b, const char *stage, const Timing *t)
{
    double spread = (t->runs[t->n_runs - 1] - t->runs[0]) / t->median;
    if (spread > most_spread)
        add(b, "%s, %s: its runs took from %.1f to %.1f ms", stage, t->set.name, t->runs[0] * 1e3,
            t->runs[t->n_runs - 1] * 1e3);
    if (t->preemptions > most_preemptions)
        add(b, "%s, %s: each thread was interrupted %.0f times a second", stage, t->set.name,
            t->preemptions);
    if (t->share_done > most_share)
        add(b, "%s, %s: its products are done at %.0f %% of the peak", stage, t->set.name,
            t->share_done * 100);
    int beyond = 0, worst = -1;
    double most = most_share;
    for (int i = 0; i < t->n_regions; i++) {
        const Region *r = &t->regions[i];
        double peak = machine_unit(&b->machine, r->products)->all,
               share = r->seconds > 0 ? r->done / r->seconds / peak : 0;
        /* a short region is one that a clock hardly resolves */
        if (r->seconds < 20 * least_seconds || share <= most_share)
            continue;
        beyond++;
        if (share > most) {
            most = share;
            worst = i;
        }
    }
    if (beyond)
        add(b, "%s, %s: %d operations are beyond the peak, %s at %.0f %%", stage, t->set.name,
            beyond, t->regions[worst].path, most * 100);
}

void trust_kernels(Bench *b)
{
    int beyond = 0, uneven = 0, fastest = 0, widest = 0;
    double most = most_share, wide = 1 + most_spread;
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        double share = k->done / k->seconds / machine_unit(&b->machine, k->products)->all,
               spread = k->seconds / k->best;
        beyond += share > most_share;
        uneven += spread > 1 + most_spread;
        if (share > most) {
            most = share;
            fastest = i;
        }
        if (spread > wide) {
            wide = spread;
            widest = i;
        }
    }
    if (beyond)
        add(b, "%d of %d kernels do their products beyond the peak: %s %s at %.0f %%", beyond,
            b->n_kernels, b->kernels[fastest].kind, b->kernels[fastest].shape, most * 100);
    if (uneven * 4 > b->n_kernels)
        add(b,
            "of %d kernels, %d took a fifth longer than their best call, in the median: %s %s %.1f "
            "times as long",
            b->n_kernels, uneven, b->kernels[widest].kind, b->kernels[widest].shape, wide);
}

void trust_end(Bench *b, double now)
{
    double before = b->machine.units[0].all, drift = now / before;
    if (drift < 1 - most_drift || drift > 1 + most_drift)
        add(b, "%s, measured again at the end: %.0f %% of the beginning", b->machine.units[0].text,
            drift * 100);
}

double times_as_fast(double slow, double fast)
{
    if (slow < least_seconds || fast < least_seconds)
        return 0;
    return slow / fast > most_times || fast / slow > most_times ? 0 : slow / fast;
}

long preemptions(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_nivcsw;
}
