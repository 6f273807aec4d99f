/* See ir.h. */
#include "ir.h"
#include "err.h"
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

const char *const op_names[OP_COUNT] = {
#define OP(e, name, ...) [OP_##e] = #name,
#include "ops.def"
};

const char *dtype_name(Dtype d) { return d == DT_I32 ? "i32" : "f32"; }

static const char *const binding_names[] = {[BIND_CONST] = "never",
                                            [BIND_PROMPT] = "prompt",
                                            [BIND_TIME] = "time",
                                            [BIND_INTERVAL] = "interval",
                                            [BIND_STEP] = "step"};
_Static_assert(sizeof binding_names / sizeof binding_names[0] == BIND_STEP + 1,
               "a name is missing");

const char *binding_name(Binding b) { return binding_names[b]; }

bool binding_parse(const char *name, Binding *b)
{
    for (int i = 0; i <= BIND_STEP; i++)
        if (i != BIND_INTERVAL && strcmp(name, binding_names[i]) == 0) {
            *b = (Binding)i;
            return true;
        }
    return false;
}

Graph *graph_new(const char *name)
{
    Arena *a = arena_new();
    Graph *g = arena_alloc(a, sizeof *g);
    g->arena = a;
    g->name = arena_strdup(a, name);
    g->file = g->name;
    return g;
}

void graph_free(Graph *g)
{
    if (g)
        arena_free(g->arena);
}

Tensor *tensor(const Graph *g, TensorId t)
{
    CHECK(t.id >= 1 && t.id <= g->n_tensors);
    return &g->tensors[t.id - 1];
}

TensorId tensor_root(const Graph *g, TensorId t)
{
    while (tensor(g, t)->kind == T_TEMP && op_of(g, tensor(g, t)->producer)->kind == OP_RESHAPE)
        t = op_of(g, tensor(g, t)->producer)->in[0];
    return t;
}

Op *op_of(const Graph *g, OpId o)
{
    CHECK(o.id >= 1 && o.id <= g->n_ops);
    return &g->ops[o.id - 1];
}

static TensorId add_tensor(Graph *g, Tensor t)
{
    ARENA_GROW(g->arena, g->tensors, g->n_tensors, g->cap_tensors);
    g->tensors[g->n_tensors++] = t;
    return (TensorId){g->n_tensors};
}

/* Appends to one of the short lists (inputs, outputs). */
static void *appended(Arena *a, const void *old, uint32_t n, size_t size, const void *element)
{
    char *p = arena_alloc(a, (n + 1) * size);
    if (n)
        memcpy(p, old, n * size);
    memcpy(p + n * size, element, size);
    return p;
}

TensorId graph_add_input(Graph *g, const char *name, Dtype d, Shape s, Binding b)
{
    TensorId t = add_tensor(g, (Tensor){.kind = T_INPUT,
                                        .dtype = d,
                                        .shape = s,
                                        .binding = b,
                                        .name = arena_strdup(g->arena, name)});
    g->inputs = appended(g->arena, g->inputs, g->n_inputs, sizeof t, &t);
    g->n_inputs++;
    return t;
}

TensorId graph_add_weight(Graph *g, const char *path, Shape s)
{
    for (uint32_t i = 0; i < g->n_tensors; i++) {
        const Tensor *t = &g->tensors[i];
        if (t->kind != T_WEIGHT || t->n_parts != 1 || t->parts[0].scale != 1 ||
            strcmp(t->name, path) != 0)
            continue;
        if (!shape_eq(&t->shape, &s))
            err("%s: weight %s is used with two different shapes", g->file, path);
        return (TensorId){i + 1};
    }
    WeightPart *part = arena_alloc(g->arena, sizeof *part);
    *part = (WeightPart){arena_strdup(g->arena, path), shape_channels(&s), 1};
    return add_tensor(g, (Tensor){.kind = T_WEIGHT,
                                  .dtype = DT_F32,
                                  .shape = s,
                                  .binding = BIND_CONST,
                                  .name = part->path,
                                  .parts = part,
                                  .n_parts = 1});
}

TensorId graph_add_weight_parts(Graph *g, const TensorId *from, int n, const double *scale)
{
    CHECK(n > 0);
    Tensor t = *tensor(g, from[0]);
    int total = 0;
    int64_t width = 0;
    for (int i = 0; i < n; i++)
        total += tensor(g, from[i])->n_parts;
    t.parts = arena_alloc(g->arena, (size_t)total * sizeof *t.parts);
    t.n_parts = 0;
    for (int i = 0; i < n; i++) {
        const Tensor *w = tensor(g, from[i]);
        CHECK(w->kind == T_WEIGHT && w->shape.rank == t.shape.rank);
        for (int d = 0; d < t.shape.rank - 1; d++)
            CHECK(w->shape.dim[d] == t.shape.dim[d]);
        for (int p = 0; p < w->n_parts; p++) {
            t.parts[t.n_parts] = w->parts[p];
            t.parts[t.n_parts++].scale *= scale ? scale[i] : 1;
        }
        width += shape_channels(&w->shape);
    }
    t.shape.dim[t.shape.rank - 1] = width;
    return add_tensor(g, t);
}

Binding op_binding(const Graph *g, const Op *o)
{
    Binding b = BIND_CONST;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (tensor_ok(o->in[i]) && tensor(g, o->in[i])->binding > b)
            b = tensor(g, o->in[i])->binding;
    return b;
}

TensorId graph_append_op(Graph *g, Op op, Shape s)
{
    op.path = arena_strdup(g->arena, op.path);
    op.dead = false;
    op.out = add_tensor(g, (Tensor){.kind = T_TEMP,
                                    .dtype = DT_F32,
                                    .shape = s,
                                    .binding = op_binding(g, &op),
                                    .producer = {g->n_ops + 1}});
    ARENA_GROW(g->arena, g->ops, g->n_ops, g->cap_ops);
    g->ops[g->n_ops++] = op;
    return op.out;
}

void graph_add_output(Graph *g, const char *name, TensorId t)
{
    const char *copy = arena_strdup(g->arena, name);
    g->output_names = appended(g->arena, g->output_names, g->n_outputs, sizeof copy, &copy);
    g->outputs = appended(g->arena, g->outputs, g->n_outputs, sizeof t, &t);
    g->n_outputs++;
}

int graph_use_count(const Graph *g, TensorId t)
{
    int n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT && !g->ops[i].dead; s++)
            n += tensor_eq(g->ops[i].in[s], t);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        n += tensor_eq(g->outputs[i], t);
    return n;
}

void graph_replace_uses(Graph *g, TensorId from, TensorId to)
{
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT && !g->ops[i].dead; s++)
            if (tensor_eq(g->ops[i].in[s], from))
                g->ops[i].in[s] = to;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor_eq(g->outputs[i], from))
            g->outputs[i] = to;
}

void graph_kill(Graph *g, Op *o)
{
    (void)g;
    o->dead = true;
}

/* After ops moved: sets every result's producer to the new place of its op. */
static void renumber(Graph *g)
{
    for (uint32_t i = 0; i < g->n_tensors; i++)
        g->tensors[i].producer = (OpId){0};
    for (uint32_t i = 0; i < g->n_ops; i++)
        tensor(g, g->ops[i].out)->producer = (OpId){i + 1};
}

int graph_sweep(Graph *g)
{
    bool *used = xcalloc(g->n_tensors + 1, 1);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        used[g->outputs[i].id] = true;
    for (uint32_t i = g->n_ops;
         i-- > 0;) { /* from the end: a use is always seen before its definition */
        Op *o = &g->ops[i];
        o->dead = o->dead || !used[o->out.id];
        for (int s = 0; s < SLOT_COUNT && !o->dead; s++)
            used[o->in[s].id] = true;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead)
            g->ops[n++] = g->ops[i];
    int gone = (int)(g->n_ops - n);
    g->n_ops = n;
    renumber(g);
    free(used);
    return gone;
}

/* Depth-first in the present order: an op that stood before its operands moves right behind
 * them. */
typedef struct {
    Graph *g;
    Op *order;
    uint32_t n;
    char *state;
} Sort; /* state: 0 new, 1 on the path, 2 done */

static void visit(Sort *s, uint32_t i)
{
    if (s->state[i] == 2)
        return;
    if (s->state[i] == 1)
        die("cycle through %s", s->g->ops[i].path);
    s->state[i] = 1;
    for (int k = 0; k < SLOT_COUNT; k++) {
        TensorId t = s->g->ops[i].in[k];
        if (tensor_ok(t) && tensor(s->g, t)->producer.id)
            visit(s, tensor(s->g, t)->producer.id - 1);
    }
    s->state[i] = 2;
    s->order[s->n++] = s->g->ops[i];
}

void graph_toposort(Graph *g)
{
    Arena *scratch = arena_new();
    Sort s = {g, arena_alloc(scratch, g->n_ops * sizeof(Op)), 0, arena_alloc(scratch, g->n_ops)};
    renumber(g);
    for (uint32_t i = 0; i < g->n_ops; i++)
        visit(&s, i);
    if (g->n_ops)
        memcpy(g->ops, s.order, g->n_ops * sizeof(Op));
    arena_free(scratch);
    renumber(g);
}

/* Is t an output, or an operand of an op whose result changes in every step? */
static bool needed_each_step(const Graph *g, TensorId t)
{
    bool needed = false;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        needed |= tensor_eq(g->outputs[i], t);
    for (uint32_t i = 0; i < g->n_ops && !needed; i++)
        for (int s = 0; s < SLOT_COUNT && !g->ops[i].dead; s++)
            needed |= tensor_eq(g->ops[i].in[s], t) &&
                      tensor(g, g->ops[i].out)->binding == BIND_STEP;
    return needed;
}

Binding result_binding(const Graph *g, const Op *o)
{
    Binding b = op_binding(g, o);
    bool short_steps = !tensor_cached(g, o->out) &&
                       (!g->cache_level || needed_each_step(g, o->out));
    return b == BIND_STEP && !short_steps ? BIND_INTERVAL : b;
}

/* Forwards from the operands, with cached values cut off; then backwards from the users. */
void graph_rebind(Graph *g)
{
    for (uint32_t i = 0; i < g->n_ops; i++) {
        Binding b = op_binding(g, &g->ops[i]);
        bool cut = tensor_cached(g, g->ops[i].out) && b > BIND_INTERVAL;
        if (!g->ops[i].dead)
            tensor(g, g->ops[i].out)->binding = cut ? BIND_INTERVAL : b;
    }
    for (uint32_t i = g->n_ops; g->cache_level && i-- > 0;)
        if (!g->ops[i].dead)
            tensor(g, g->ops[i].out)->binding = result_binding(g, &g->ops[i]);
}
