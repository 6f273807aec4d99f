/* Every distinct convolution, product and attention of the pipeline's models, found in their plans,
 * timed alone: so that a slow shape shows. */
#include "bench.h"
#include "contract_of.h"
#include "measure.h"
#include "tune.h"
#include <stdlib.h>
#include <string.h>

static char *attention_shape(Arena *a, int64_t batch, int64_t queries, int64_t keys, int64_t heads,
                             int64_t size)
{
    return arena_printf(a, "%lld x %lld queries, %lld keys, %lld head%s of %lld", (long long)batch,
                        (long long)queries, (long long)keys, (long long)heads,
                        heads == 1 ? "" : "s", (long long)size);
}

static char *shape_of(Arena *a, const Kernel *k)
{
    if (k->kind == KERNEL_ATTENTION) {
        const Attention *x = k->description;
        return attention_shape(a, x->batch, x->n, x->m, x->heads, x->head_size);
    }
    if (k->kind == KERNEL_ATTN_PART) {
        const AttnPart *x = k->description;
        return attention_shape(a, x->batch, x->n, x->m, x->heads, x->head_size);
    }
    return contract_shape(a, k->description);
}

/* --only: the text stands in the kind or the shape, as they are printed. */
static bool asked_for(Bench *b, const Step *s, const char *shape)
{
    return !b->only || strstr(arena_printf(b->arena, "%s %s", s->kind, shape), b->only);
}

static void measure_kernel(Bench *b, const Engine *e, int kernel)
{
    const Program *p = engine_lowered(e);
    const Measure how = {b->threads, b->repeat, b->machine.l3_bytes};
    KernelRow *row = NULL;
    for (int k = 0; k < p->n_stages; k++)
        for (int i = 0; i < p->stages[k]->n_steps; i++) {
            const Stage *stage = p->stages[k];
            const Step *s = &stage->steps[i];
            if (s->kernel != kernel)
                continue;
            if (row) {
                row->uses++;
                continue;
            }
            char *shape = shape_of(b->arena, &p->kernels[kernel]);
            if (!asked_for(b, s, shape))
                return;
            row = &b->kernels[b->n_kernels++];
            double weights = 0;
            for (int n = 0; n < s->n_args; n++)
                weights += stage->mems[s->args[n]].buffer == LRT_BUF_WEIGHTS
                               ? (double)stage->mems[s->args[n]].bytes
                               : 0;
            bool contract = p->kernels[kernel].kind == KERNEL_CONTRACT,
                 cached = stage->weights_bytes + stage->arena_bytes < b->machine.l3_bytes;
            *row = (KernelRow){.kind = arena_strdup(b->arena, s->kind),
                               .form = contract ? contract_form(p->kernels[kernel].description)
                                                : "",
                               .uses = 1,
                               .shape = shape,
                               .model = arena_strdup(b->arena, stage->graph->name),
                               .path = arena_strdup(b->arena, s->name),
                               .bf16 = s->bf16,
                               .flops = s->flops,
                               .done = s->done,
                               .bytes = s->bytes};
            row->bound = machine_bound(&b->machine, s->bf16, s->done, weights, s->bytes - weights,
                                       cached, &row->memory);
            Measured m = measure_step(&how, stage,
                                      compiled_step(engine_program(e)->stages[k], stage, i), s);
            row->seconds = m.median;
            row->best = m.best;
        }
}

static int by_cost(const void *a, const void *b)
{
    const KernelRow *x = a, *y = b;
    double s = x->seconds * x->uses, t = y->seconds * y->uses;
    return (s < t) - (s > t);
}

void kernels_measure(Bench *b)
{
    Program *p = program_for(&b->code);
    Graph *graphs[MODEL_COUNT];
    int n = 0;
    for (int i = 0; i < MODEL_COUNT; i++) {
        const Item *item = &b->items[i];
        if (!item->model->graph || item->skip)
            continue;
        int64_t batch = b->batch ? b->batch : item->guided && p->fuse & FUSE_GUIDANCE ? 2 : 1;
        program_add_tuned(
            p, graphs[n++] = pipeline_graph(item->model, (int)batch, item->guided && batch == 2));
    }
    Engine *e = engine_new(p, NULL);
    b->kernels = arena_alloc(b->arena, ((size_t)p->n_kernels + 1) * sizeof *b->kernels);
    for (int k = 0; k < p->n_kernels; k++) {
        int kind = p->kernels[k].kind;
        if (kind == KERNEL_CONTRACT || kind == KERNEL_CONTRACT_LOAD || kind == KERNEL_UNPACK ||
            kind == KERNEL_ATTENTION || kind == KERNEL_ATTN_PART)
            measure_kernel(b, e, k);
    }
    qsort(b->kernels, (size_t)b->n_kernels, sizeof *b->kernels, by_cost);
    engine_free(e);
    for (int i = 0; i < n; i++)
        graph_free(graphs[i]);
}
