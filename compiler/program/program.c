/* The program: stages, the kernels that they share, where weights lie. See program.h. */
#include "program.h"
#include "forms_file.h"
#include "tune_file.h"
#include "panel.h"
#include "err.h"
#include "alloc.h"
#include "fnv.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

Program *program_new(const Target *t, unsigned fuse, ConvMode conv, bool bf16)
{
    Program *p = xcalloc(1, sizeof *p);
    p->target = t;
    p->fuse = fuse;
    p->bf16 = bf16;
    p->conv = conv == CONV_AUTO && fuse == FUSE_NONE ? CONV_DIRECT : conv;
    return p;
}

uint32_t stage_add_mem(Stage *s, Mem m)
{
    GROW(s->mems, s->n_mems, s->cap_mems);
    s->mems[s->n_mems] = m;
    return s->n_mems++;
}

Packed *stage_add_packed(Stage *s, const Packed *x)
{
    GROW(s->packed, s->n_packed, s->cap_packed);
    memcpy(&s->packed[s->n_packed], x, sizeof *x);
    return &s->packed[s->n_packed++];
}

Step *stage_add_step(Stage *s, const Step *x)
{
    GROW(s->steps, s->n_steps, s->cap_steps);
    s->steps[s->n_steps] = *x;
    return &s->steps[s->n_steps++];
}

void stage_free(Stage *s)
{
    free(s->mems);
    free(s->steps);
    free(s->packed);
    free(s);
}

void program_free(Program *p)
{
    for (int i = 0; i < p->n_stages; i++)
        stage_free(p->stages[i]);
    for (int i = 0; i < p->n_kernels; i++)
        free(p->kernels[i].description);
    free(p->kernels);
    if (p->tuning)
        tuning_free(p->tuning);
    if (p->forms)
        forms_free(p->forms);
    free(p);
}

static bool same_packed(const Stage *a, const Packed *x, const Stage *b, const Packed *y)
{
    const Tensor *t = tensor(a->graph, x->tensor), *u = tensor(b->graph, y->tensor);
    if (x->kind != y->kind || x->floats != y->floats || t->n_parts != u->n_parts ||
        !shape_eq(&t->shape, &u->shape))
        return false;
    for (int i = 0; i < t->n_parts; i++)
        if (strcmp(t->parts[i].path, u->parts[i].path) != 0 ||
            t->parts[i].scale != u->parts[i].scale || t->parts[i].width != u->parts[i].width)
            return false;
    return memcmp(&x->layout, &y->layout, sizeof x->layout) == 0;
}

/* The weight of a stage before s, of the same model, that is packed as x is. NULL: none is. */
static const Packed *packed_before(const Program *p, const Stage *s, const Packed *x)
{
    for (int i = 0; i < p->n_stages; i++) {
        const Stage *b = p->stages[i];
        for (int k = 0; k < b->n_packed && strcmp(b->graph->name, s->graph->name) == 0; k++)
            if (!b->packed[k].shared && same_packed(s, x, b, &b->packed[k]))
                return &b->packed[k];
    }
    return NULL;
}

static const Stage *stage_before(const Program *p, const Stage *s)
{
    for (int i = 0; i < p->n_stages && p->share_weights; i++)
        if (strcmp(p->stages[i]->graph->name, s->graph->name) == 0)
            return p->stages[i];
    return NULL;
}

/* Places a stage's weights after those of the stages before it. Weights that a stage of the same
 * model has packed already have its offset. Offsets of all stages of a model count from the first
 * one's. */
static void place_weights(Program *p, Stage *s)
{
    const Stage *first = stage_before(p, s);
    s->weights_offset = p->weights_bytes;
    if (first) {
        int64_t begin = p->weights_bytes - first->weights_offset, at = begin;
        s->weights_offset = first->weights_offset;
        for (int i = 0; i < s->n_packed; i++) {
            Packed *x = &s->packed[i];
            const Packed *before = packed_before(p, s, x);
            int64_t bytes = (x->floats * 4 + 63) / 64 * 64;
            x->shared = before;
            x->offset = s->mems[x->mem].offset = before ? before->offset : at;
            if (before)
                s->weights_shared += bytes;
            else
                at += bytes;
        }
        s->weights_bytes = at - begin;
    }
    p->weights_bytes += (s->weights_bytes + 4095) / 4096 * 4096;
}

int program_place(Program *p, Stage *s)
{
    CHECK(p->n_stages < (int)(sizeof p->stages / sizeof p->stages[0]));
    place_weights(p, s);
    p->stages[p->n_stages] = s;
    return p->n_stages++;
}

int program_kernel(Program *p, KernelKind kind, const void *description, const char *text)
{
    size_t bytes = kernel_description_bytes(kind);
    for (int i = 0; i < p->n_kernels; i++) {
        Kernel *k = &p->kernels[i];
        if (k->kind == kind && memcmp(k->description, description, bytes) == 0)
            return i;
    }
    GROW(p->kernels, p->n_kernels, p->cap_kernels);
    Kernel *k = &p->kernels[p->n_kernels];
    *k = (Kernel){.kind = kind, .description = xmalloc(bytes)};
    memcpy(k->description, description, bytes);
    Buf name = {0};
    kernel_symbol(kind, description, text, &name);
    snprintf(k->name, sizeof k->name, "%.*s_%d", (int)sizeof k->name - 12, name.data, p->n_kernels);
    buf_free(&name);
    return p->n_kernels++;
}

/* The weight, its place, and all facts that packing depends on. */
static uint64_t hash_packed(const Graph *g, const Packed *x, uint64_t h)
{
    const Tensor *t = tensor(g, x->tensor);
    const int64_t facts[] = {x->kind, x->offset, x->floats, t->shape.rank, t->n_parts};
    h = fnv1a64(facts, sizeof facts, h);
    h = fnv1a64(&x->layout, sizeof x->layout, h);
    for (int i = 0; i < t->shape.rank; i++)
        h = fnv1a64(&t->shape.dim[i], sizeof t->shape.dim[i], h);
    for (int i = 0; i < t->n_parts; i++) {
        h = fnv1a64(t->parts[i].path, strlen(t->parts[i].path) + 1, h);
        h = fnv1a64(&t->parts[i].width, sizeof t->parts[i].width, h);
        h = fnv1a64(&t->parts[i].scale, sizeof t->parts[i].scale, h);
    }
    return h;
}

uint64_t program_layout_hash(const Program *p)
{
    uint64_t h = fnv1a64(&p->weights_bytes, sizeof p->weights_bytes, FNV1A64_INIT);
    for (int i = 0; i < p->n_stages; i++) {
        const Stage *s = p->stages[i];
        h = fnv1a64(s->graph->name, strlen(s->graph->name) + 1, h);
        h = fnv1a64(&s->weights_offset, sizeof s->weights_offset, h);
        for (int k = 0; k < s->n_packed; k++)
            h = hash_packed(s->graph, &s->packed[k], h);
    }
    return h;
}
