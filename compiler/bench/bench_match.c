/* Which fused operation computes what an operation of the graph as written computed.
 *
 * Fused operations keep the path of the main one, and tensors of weights know their parts, so most
 * operations are found exactly. The rest went into a neighbour: into the store of the product
 * before (additions, activations) or into the load of the one after (norms, concat, scores). */
#include "bench.h"
#include "attr.h"
#include "alloc.h"
#include "err.h"
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = -1 };
typedef struct {
    const Graph *source, *fused;
    int *owner; /* per source op: index of a fused op */
    bool *busy;
} Matcher;

static int same_path(const Graph *fused, const char *path)
{
    for (uint32_t i = 0; i < fused->n_ops; i++)
        if (fused->ops[i].kind != OP_RESHAPE && strcmp(fused->ops[i].path, path) == 0)
            return (int)i;
    return UNKNOWN;
}

/* The product whose kernel has this one's as a part: q, k and v together, all time embeddings
 * together. */
static int same_kernel(const Graph *fused, const char *path)
{
    for (uint32_t i = 0; i < fused->n_ops; i++) {
        const Op *o = &fused->ops[i];
        if (!op_is_contract(o->kind) || !tensor_ok(o->in[SLOT_KERNEL]))
            continue;
        const Tensor *k = tensor(fused, o->in[SLOT_KERNEL]);
        for (int p = 0; k->kind == T_WEIGHT && p < k->n_parts; p++)
            if (strcmp(k->parts[p].path, path) == 0)
                return (int)i;
    }
    return UNKNOWN;
}

static int before(const Matcher *m, TensorId t)
{ /* the op that makes t, reshapes looked through */
    while (tensor_ok(t) && tensor(m->source, t)->kind == T_TEMP) {
        int i = (int)tensor(m->source, t)->producer.id - 1;
        if (m->source->ops[i].kind != OP_RESHAPE)
            return i;
        t = m->source->ops[i].in[0];
    }
    return UNKNOWN;
}

static int find_owner(Matcher *m, int i);

static int from_before(Matcher *m, int i)
{
    const Op *o = &m->source->ops[i];
    int best = UNKNOWN;
    for (int n = 0; n < (o->kind == OP_ADD ? 2 : 1); n++) {
        int p = before(m, o->in[n]), f = p == UNKNOWN ? UNKNOWN : find_owner(m, p);
        if (f == UNKNOWN)
            continue;
        const Op *x = &m->fused->ops[f];
        if (o->kind == OP_ADD && !op_is_contract(x->kind))
            continue;
        if (o->kind == OP_ADD && !tensor_ok(x->in[SLOT_RES]) && !tensor_ok(x->in[SLOT_VEC]))
            continue;
        if (f > best)
            best = f; /* of two products the later one has what it needs */
    }
    return best;
}

static int from_after(Matcher *m, int i)
{
    for (int k = i + 1; k < (int)m->source->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++)
            if (m->source->ops[k].kind != OP_RESHAPE && before(m, m->source->ops[k].in[n]) == i)
                return find_owner(m, k);
    return UNKNOWN;
}

static bool goes_forward(const Matcher *m, const Op *o)
{
    int p = before(m, o->in[0]);
    OpKind made = p == UNKNOWN ? OP_RESHAPE : m->source->ops[p].kind;
    if (o->kind == OP_SWISH)
        return made == OP_GROUP_NORM || made == OP_LAYER_NORM;
    switch (o->kind) {
    case OP_GROUP_NORM:
    case OP_LAYER_NORM:
    case OP_CONCAT:
    case OP_UPSAMPLE:
    case OP_SOFTMAX:
    case OP_ATTN_QK: return true;
#define ELEMENTWISE(e, name, formula) case OP_##e:
#include "ops.def"
    case OP_CONV2D:
    case OP_DENSE:
    case OP_GELU:
    case OP_GEGLU:
    case OP_ADD:
    case OP_SCALE:
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_SLICE:
    case OP_EMBEDDING:
    case OP_ATTN_AV:
    case OP_GROUP_SCALE:
    case OP_RANGE:
    case OP_ATTENTION: return p == UNKNOWN;
    case OP_COUNT: break;
    }
    die("bench: no such op");
}

static int find_owner(Matcher *m, int i)
{
    const Op *o = &m->source->ops[i];
    if (m->owner[i] != UNKNOWN || m->busy[i])
        return m->owner[i];
    m->busy[i] = true;
    int f = same_path(m->fused, o->path);
    if (f == UNKNOWN && op_is_contract(o->kind))
        f = same_kernel(m->fused, tensor(m->source, o->in[SLOT_KERNEL])->name);
    bool forward = goes_forward(m, o);
    if (f == UNKNOWN)
        f = forward ? from_after(m, i) : from_before(m, i);
    if (f == UNKNOWN)
        f = forward ? from_before(m, i) : from_after(m, i);
    m->busy[i] = false;
    return m->owner[i] = f;
}

Matches match_regions(Arena *a, const Graph *source, const Graph *fused)
{
    Matcher m = {source, fused, xmalloc((source->n_ops + 1) * sizeof(int)),
                 xcalloc(source->n_ops + 1, sizeof(bool))};
    Matches r = {.list = arena_alloc(a, (source->n_ops + 1) * sizeof *r.list)};
    for (uint32_t i = 0; i < source->n_ops; i++)
        m.owner[i] = UNKNOWN;
    for (uint32_t i = 0; i < source->n_ops; i++) {
        int f = source->ops[i].kind == OP_RESHAPE ? UNKNOWN : find_owner(&m, (int)i);
        if (f != UNKNOWN)
            r.list[r.n++] = (Match){arena_strdup(a, source->ops[i].path),
                                    arena_strdup(a, fused->ops[f].path)};
    }
    free(m.owner);
    free(m.busy);
    return r;
}

const char *match_find(const Matches *m, const char *op)
{
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->list[i].op, op) == 0)
            return m->list[i].region;
    return NULL;
}
