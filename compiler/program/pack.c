/* Weight packing: each weight in the form that its kernels read, one after the other. Only one is
 * in memory at a time. */
#include "pack.h"
#include "contract_pack.h"
#include "err.h"
#include "numbers.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

static void pad_to(int64_t *at, int64_t target, PackSink *sink, void *user)
{
    static const char zeros[4096];
    while (*at < target) {
        size_t n = target - *at < (int64_t)sizeof zeros ? (size_t)(target - *at) : sizeof zeros;
        sink(user, zeros, n);
        *at += (int64_t)n;
    }
}

/* A buffer that grows. All weights share it: fresh pages would cost more than packing. */
typedef struct {
    float *at;
    size_t floats;
} Room;

static float *room(Room *r, int64_t floats)
{
    if (r->floats < (size_t)floats) {
        free(r->at);
        r->floats = (size_t)floats;
        r->at = xmalloc(r->floats * 4);
    }
    return r->at;
}

typedef struct {
    PackSink *sink;
    void *user;
    int64_t at;
    Room stored, packed;
} Packing;

/* n numbers, rounded; behind an odd number of them a zero. */
static void sink_bf16(Packing *k, const float *x, int64_t n)
{
    uint16_t *half = (uint16_t *)room(&k->packed, ceil_div(n, 2));
    for (int64_t i = 0; i < n; i++)
        half[i] = bf16_of(x[i]);
    if (n % 2)
        half[n] = 0;
    k->sink(k->user, half, (size_t)ceil_div(n, 2) * 4);
}

/* A weight that its kernel reads as stored, or rounded. Large ones, such as the 200 MB of the token
 * table, are read in runs. */
static void pack_raw(Packing *k, const Stage *s, const Packed *x, WeightSource *source, int64_t n)
{
    enum { RUN = 4 << 20 };
    bool in_runs = n > RUN && weights_in_order(source, s->graph, x->tensor);
    for (int64_t first = 0, count; first < n; first += count) {
        count = !in_runs ? n : n - first < RUN ? n - first : RUN;
        float *stored = room(&k->stored, count);
        if (in_runs)
            weights_read_run(source, s->graph, x->tensor, first, count, stored);
        else
            weights_read_tensor(source, s->graph, x->tensor, stored);
        if (x->kind == PACK_BF16)
            sink_bf16(k, stored, count);
        else
            k->sink(k->user, stored, (size_t)count * 4);
    }
}

static void pack_stage(Packing *k, const Stage *s, WeightSource *source)
{
    for (int i = 0; i < s->n_packed; i++) {
        const Packed *x = &s->packed[i];
        if (x->shared)
            continue;
        int64_t n = shape_count(&tensor(s->graph, x->tensor)->shape);
        pad_to(&k->at, s->weights_offset + x->offset, k->sink, k->user);
        if (x->kind == PACK_RAW || x->kind == PACK_BF16) {
            CHECK(x->floats == (x->kind == PACK_BF16 ? ceil_div(n, 2) : n));
            pack_raw(k, s, x, source, n);
        } else {
            float *stored = room(&k->stored, n), *out = room(&k->packed, x->floats);
            weights_read_tensor(source, s->graph, x->tensor, stored);
            (x->kind == PACK_PANELS ? contract_pack_kernel : contract_pack_bias)(&x->layout, stored,
                                                                                 out);
            k->sink(k->user, out, (size_t)x->floats * 4);
        }
        k->at += x->floats * 4;
    }
}

void program_pack(Program *p, WeightSource *const *source, PackSink *sink, void *user)
{
    Packing k = {.sink = sink, .user = user};
    for (int i = 0; i < p->n_stages; i++)
        pack_stage(&k, p->stages[i], source[i]);
    pad_to(&k.at, p->weights_bytes, sink, user);
    free(k.stored.at);
    free(k.packed.at);
}
