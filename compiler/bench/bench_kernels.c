/* Every distinct convolution, product and attention of the pipeline's models, found in their plans,
 * timed alone: so that a slow shape shows. */
#include "bench.h"
#include "contract_of.h"
#include "hardware.h"
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

/* --only: whether kind or shape, as they are printed, contain the text. */
static bool asked_for(Bench *b, const KernelRow *row)
{
    return !b->only || strstr(arena_printf(b->arena, "%s %s", row->kind, row->shape), b->only);
}

/* Bytes of weights that the step reads. */
static double weight_bytes(const Stage *stage, const Step *s)
{
    double bytes = 0;
    for (int n = 0; n < s->n_args; n++)
        if (stage->mems[s->args[n]].buffer == LRT_BUF_WEIGHTS)
            bytes += (double)stage->mems[s->args[n]].bytes;
    return bytes;
}

/* The row of a kernel, from its first step; times are filled in later. */
static KernelRow row_of(const Bench *b, const Stage *stage, const Step *s, const Kernel *k)
{
    double weights = weight_bytes(stage, s);
    KernelRow row = {.kind = arena_strdup(b->arena, s->kind),
                     .form = k->kind == KERNEL_CONTRACT ? contract_form(k->description) : "",
                     .uses = 1,
                     .shape = shape_of(b->arena, k),
                     .model = arena_strdup(b->arena, stage->graph->name),
                     .path = arena_strdup(b->arena, s->name),
                     .products = s->products,
                     .flops = s->flops,
                     .done = s->done,
                     .bytes = s->bytes};
    const Work work = {s->done, weights, s->bytes - weights, s->products,
                       stage->weights_bytes + stage->arena_bytes < b->machine.l3_bytes};
    row.bound = machine_bound(&b->machine, &work, &row.memory);
    return row;
}

/* Adds the kernel's row: its first step is timed, further ones are counted. */
static void measure_kernel(Bench *b, const Engine *e, int kernel)
{
    const Program *p = engine_lowered(e);
    const Measure how = {b->threads, b->repeat, cache_last_bytes()};
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
            KernelRow first = row_of(b, stage, s, &p->kernels[kernel]);
            if (!asked_for(b, &first))
                return;
            Measured m = measure_step(&how, stage,
                                      compiled_step(engine_program(e)->stages[k], stage, i), s);
            first.seconds = m.median;
            first.best = m.best;
            row = &b->kernels[b->n_kernels++];
            *row = first;
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
        Graph *g = pipeline_graph(item->model, (int)batch, item->guided && batch == 2);
        flags_quantise(&b->code, g);
        program_add_tuned(p, graphs[n++] = g);
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
