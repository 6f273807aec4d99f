/* One arena for all values of a stage, every offset fixed at compile time.
 *
 * Values are placed largest first. Each goes to the lowest offset where it overlaps with no placed
 * value that is alive at the same time. Requires steps in final order; live ranges are step
 * indices, both ends included. */
#include "memplan.h"
#include "alloc.h"
#include <stdlib.h>

enum { ALIGN = 64 };
static int64_t align_up(int64_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

static const Stage *sorting;
static int by_size(const void *a, const void *b)
{
    const Mem *x = &sorting->mems[*(const uint32_t *)a], *y = &sorting->mems[*(const uint32_t *)b];
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}
static int by_offset(const void *a, const void *b)
{
    const Mem *x = &sorting->mems[*(const uint32_t *)a], *y = &sorting->mems[*(const uint32_t *)b];
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* The lowest offset for m that is free of placed values whose live ranges overlap with its own.
 * `live` has room for n indices. */
static int64_t lowest_free(const Stage *s, const Mem *m, const uint32_t *placed, uint32_t n,
                           uint32_t *live)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Mem *o = &s->mems[placed[i]];
        if (o->first <= m->last && m->first <= o->last)
            live[k++] = placed[i];
    }
    qsort(live, k, sizeof *live, by_offset);
    int64_t at = 0;
    for (uint32_t i = 0; i < k; i++) {
        const Mem *o = &s->mems[live[i]];
        if (o->offset >= at + m->bytes)
            break;
        if (o->offset + align_up(o->bytes) > at)
            at = o->offset + align_up(o->bytes);
    }
    return at;
}

void memplan(Stage *s, bool reuse)
{
    uint32_t *order = xcalloc(s->n_mems + 1, sizeof *order),
             *live = xcalloc(s->n_mems + 1, sizeof *live), n = 0;
    int64_t sum = 0, top = 0;
    for (uint32_t i = 0; i < s->n_mems; i++)
        if (s->mems[i].buffer == LRT_BUF_ARENA && s->mems[i].first >= 0) {
            order[n++] = i;
            s->mems[i].offset = sum;
            sum += align_up(s->mems[i].bytes);
        }
    s->arena_bytes = s->arena_bytes_unshared = sum;
    if (reuse) {
        sorting = s;
        qsort(order, n, sizeof *order, by_size);
        for (uint32_t i = 0; i < n; i++) {
            Mem *m = &s->mems[order[i]];
            m->offset = lowest_free(s, m, order, i, live);
            if (m->offset + align_up(m->bytes) > top)
                top = m->offset + align_up(m->bytes);
        }
        s->arena_bytes = top;
    }
    free(order);
    free(live);
}
