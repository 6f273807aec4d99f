/* See conversion.h. One tensor after the other is in memory. */
#include "conversion.h"
#include "schemes.h"
#include "stored.h"
#include "err.h"
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

static Written *written_of(Conversion *v, const char *name)
{
    for (int i = v->n; i-- > 0;)
        if (!strcmp(v->list[i].entry.name, name))
            return &v->list[i];
    return NULL;
}

/* The stored tensor that one weight becomes, or becomes part of. */
static void add_weight(Conversion *v, SubjectModel *m, const Tensor *t, const Counts *n,
                       StDtype dtype)
{
    Place p;
    const char *path = t->parts[0].path;
    if (m->graph->n_keras && v->scheme != scheme_find("latentc"))
        err("%s: the graph of %s is a model of Keras, whose weights have no names in %s; expected --to latentc or packed",
            v->out, m->graph->name, v->scheme->name);
    if (!v->scheme->spell(v->scheme, NULL, &(WeightName){m->graph->name, path, n}, 0, &p))
        err("%s/%s has no name in %s", m->graph->name, path, v->scheme->name);
    Written *w = written_of(v, p.name);
    if (!w) {
        w = &v->list[v->n++];
        *w = (Written){.model = m, .shape = t->shape, .parts = p.parts};
        StDtype stored = weights_dtype(m->weights, m->graph, path);
        w->entry = (StEntry){.name = arena_strdup(v->subject->arena, p.name),
                             .dtype = dtype != ST_OTHER  ? dtype
                                      : stored == ST_F64 ? ST_F32
                                                         : stored};
        w->entry.rank = scheme_shape(v->scheme, path, &t->shape, &p, w->entry.dim);
    }
    w->path[p.part] = path;
}

bool conversion_version1(const Conversion *v)
{
    for (int m = 0; m < v->subject->n; m++) {
        const Graph *g = v->subject->model[m].graph;
        int size = 0;
        for (uint32_t i = 0; i < g->n_ops; i++) {
            const Op *o = &g->ops[i];
            if (o->kind == OP_GELU && o->attr.gelu.kind == GELU_QUICK)
                return true;
            if (o->kind != OP_ATTN_QK)
                continue;
            if (size && o->attr.attn.head_size != size)
                return true;
            size = o->attr.attn.head_size;
        }
    }
    return false;
}

void conversion_list(Conversion *v, StDtype dtype, bool bf16)
{
    size_t most = 0;
    for (int i = 0; i < v->subject->n; i++)
        most += v->subject->model[i].graph->n_tensors;
    v->list = arena_alloc(v->subject->arena, (most + 1) * sizeof *v->list);
    for (int i = 0; i < v->subject->n; i++) {
        SubjectModel *m = &v->subject->model[i];
        Counts n = counts_of(m->graph);
        for (uint32_t k = 0; k < m->graph->n_tensors && m->here; k++)
            if (m->graph->tensors[k].kind == T_WEIGHT)
                add_weight(v, m, &m->graph->tensors[k], &n, dtype);
    }
    for (int i = 0; i < v->n; i++) {
        Written *w = &v->list[i];
        if (w->entry.dtype == ST_BF16 && !bf16)
            w->entry.dtype = ST_F32;
        v->bytes += (double)shape_count(&w->shape) * w->parts * (double)stored_size(w->entry.dtype);
    }
}

static float *room(float **at, size_t *have, size_t floats)
{
    if (*have < floats) {
        free(*at);
        *at = xmalloc(floats * sizeof **at);
        *have = floats;
    }
    return *at;
}

static void put(Conversion *v, const Written *w, const float *x, int64_t n)
{
    enum { RUN = 1 << 20 };
    static float encoded[RUN];
    for (int64_t at = 0; at < n; at += RUN) {
        int64_t count = n - at < RUN ? n - at : RUN,
                bad = stored_encode(w->entry.dtype, x + at, count, encoded);
        size_t bytes = (size_t)count * stored_size(w->entry.dtype);
        if (bad >= 0)
            err("%s: tensor \"%s\": %g is too large for %s", v->out, w->entry.name,
                (double)x[at + bad], st_dtype_name(w->entry.dtype));
        v->put(v->into, encoded, bytes);
        v->done += (double)bytes;
    }
    lrt_progress_step(&v->bar, (int)(v->done / 1e6));
}

void conversion_write(Conversion *v, const Written *w)
{
    int64_t n = shape_count(&w->shape), out = shape_channels(&w->shape),
            taps = w->shape.rank == 4 ? w->shape.dim[0] * w->shape.dim[1] : 1;
    for (int k = 0; k < w->parts; k++) {
        float *x = room(&v->read, &v->read_floats, (size_t)n);
        if (!weights_read_as(w->model->weights, w->model->graph, v->scheme, w->path[k], &w->shape,
                             x)) {
            float *to = room(&v->turned, &v->turned_floats, (size_t)n);
            stored_restore(x, (KernelShape){out, n / out / taps, taps}, to);
            x = to;
        }
        put(v, w, x, n);
    }
}

static void to_safetensors(void *into, const void *data, size_t bytes)
{
    st_writer_put(into, data, bytes);
}

/* The members of the list that belong into one file, without the first `skip` bytes of their names.
 */
void conversion_file(Conversion *v, const char *path, const char *prefix, const char *const *meta,
                     size_t n_meta)
{
    StEntry *e = xcalloc((size_t)v->n + 1, sizeof *e);
    size_t n = 0, skip = strlen(prefix);
    for (int i = 0; i < v->n; i++)
        if (!strncmp(v->list[i].entry.name, prefix, skip)) {
            e[n] = v->list[i].entry;
            e[n++].name += skip;
        }
    if (n) {
        v->put = to_safetensors;
        v->into = st_writer_open(path, e, n, meta, n_meta);
        for (int i = 0; i < v->n; i++)
            if (!strncmp(v->list[i].entry.name, prefix, skip))
                conversion_write(v, &v->list[i]);
        st_writer_commit(v->into);
    }
    free(e);
}

void conversion_free(Conversion *v)
{
    free(v->read);
    free(v->turned);
}
