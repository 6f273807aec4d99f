/* One arena for all values of a stage, every offset fixed at compile time.
 *
 * Values are placed biggest first. Each goes to the lowest offset at which it meets no value that is already placed and alive at
 * the same time. Requires steps in final order; live ranges are step indices, both ends included. */
#include "codegen.h"
#include <stdlib.h>

/* Is the residual of step k its own, read here for the last time, and of the result's size? */
static bool in_place(const Stage *s, int k) {
    const Step *x = &s->steps[k];
    if (!x->in_place) return false;
    uint32_t from = x->args[x->in_place - 1], to = x->args[x->in_place];
    const Mem *a = &s->mems[from], *b = &s->mems[to];
    int uses = 0;
    for (int i = 0; i < x->n_args; i++) uses += x->args[i] == from;
    return uses == 1 && a->buffer == LRT_BUF_ARENA && b->buffer == LRT_BUF_ARENA && a->last == k && b->first == k && a->bytes == b->bytes;
}

void share_in_place(Stage *s) {
    for (int k = 0; k < s->n_steps; k++) {
        if (!in_place(s, k)) continue;
        uint32_t from = s->steps[k].args[s->steps[k].in_place - 1], to = s->steps[k].args[s->steps[k].in_place];
        for (int i = k; i <= s->mems[to].last; i++)
            for (int n = 0; n < s->steps[i].n_args; n++)
                if (s->steps[i].args[n] == to) s->steps[i].args[n] = from;
        s->mems[from].last = s->mems[to].last;
        s->mems[to].first = s->mems[to].last = -1;
    }
}

enum { ALIGN = 64 };
static int64_t align_up(int64_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

static const Stage *sorting;
static int by_size(const void *a, const void *b) {
    const Mem *x = &sorting->mems[*(const uint32_t *)a], *y = &sorting->mems[*(const uint32_t *)b];
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}
static int by_offset(const void *a, const void *b) {
    const Mem *x = &sorting->mems[*(const uint32_t *)a], *y = &sorting->mems[*(const uint32_t *)b];
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* The lowest offset free for m among the placed ones that live when it does. `live` is room for n indices. */
static int64_t lowest_free(const Stage *s, const Mem *m, const uint32_t *placed, uint32_t n, uint32_t *live) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Mem *o = &s->mems[placed[i]];
        if (o->first <= m->last && m->first <= o->last) live[k++] = placed[i];
    }
    qsort(live, k, sizeof *live, by_offset);
    int64_t at = 0;
    for (uint32_t i = 0; i < k; i++) {
        const Mem *o = &s->mems[live[i]];
        if (o->offset >= at + m->bytes) break;
        if (o->offset + align_up(o->bytes) > at) at = o->offset + align_up(o->bytes);
    }
    return at;
}

void memplan(Stage *s, bool reuse) {
    uint32_t *order = xcalloc(s->n_mems + 1, sizeof *order), *live = xcalloc(s->n_mems + 1, sizeof *live), n = 0;
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
            if (m->offset + align_up(m->bytes) > top) top = m->offset + align_up(m->bytes);
        }
        s->arena_bytes = top;
    }
    free(order);
    free(live);
}
