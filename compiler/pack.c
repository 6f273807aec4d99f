/* Weight packing: every weight in the form its kernels read, one after the other, so that no more than one is in memory. */
#include "codegen.h"
#include <stdlib.h>
#include <string.h>

static void pad_to(int64_t *at, int64_t target, PackSink *sink, void *user) {
    static const char zeros[4096];
    while (*at < target) {
        size_t n = target - *at < (int64_t)sizeof zeros ? (size_t)(target - *at) : sizeof zeros;
        sink(user, zeros, n);
        *at += (int64_t)n;
    }
}

static void pack_stage(const Stage *s, WeightSource *source, PackSink *sink, void *user, int64_t *at) {
    for (int i = 0; i < s->n_packed; i++) {
        const Packed *x = &s->packed[i];
        const Tensor *t = tensor(s->graph, x->tensor);
        float *stored = xmalloc((size_t)shape_count(&t->shape) * 4), *out = stored;
        weights_read_tensor(source, s->graph, x->tensor, stored);
        if (x->kind != PACK_RAW) {
            out = xmalloc((size_t)x->floats * 4);
            if (x->kind == PACK_PANELS) contract_pack_kernel(&x->contract, stored, out);
            else contract_pack_bias(&x->contract, stored, out);
        }
        pad_to(at, s->weights_offset + x->offset, sink, user);
        sink(user, out, (size_t)x->floats * 4);
        *at += x->floats * 4;
        if (out != stored) free(out);
        free(stored);
    }
}

void program_pack(Program *p, WeightSource *const *source, PackSink *sink, void *user) {
    int64_t at = 0;
    for (int i = 0; i < p->n_stages; i++) pack_stage(p->stages[i], source[i], sink, user, &at);
    pad_to(&at, p->weights_bytes, sink, user);
}
