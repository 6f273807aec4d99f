/* Lowering: one or more kernel steps per operation, with arguments in named memory.
 *
 * Requires: passes done, ops in order. With hoisting, operations bound to the prompt go to the
 * prompt plan, those bound to the timestep to the time plan, and values that cross into the step
 * plan live in their plan's own buffer; the rest shares the arena.
 *
 * With step caching the operations of a step are of two plans, INTERVAL and STEP, mixed in the
 * order of the operations. A full step runs both, a short one those of STEP alone. So what STEP
 * reads from INTERVAL lives in a buffer of its own, which keeps it until the next full step. */
#include "lower.h"
#include "algorithm.h"
#include "attr.h"
#include "lower_attention.h"
#include "lower_contract.h"
#include "lower_norm.h"
#include "memplan.h"
#include "steps.h"
#include "err.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

/* The batch, if each element of it is computed from the same element of the operands alone; 1 where
 * some op mixes them. */
static int64_t separate_batch(const Graph *g)
{
    int64_t batch = 1;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        int64_t n = tensor(g, g->ops[i].out)->shape.dim[0];
        if (n > batch)
            batch = n;
    }
    for (uint32_t i = 0; i < g->n_ops; i++) {
        int64_t n = tensor(g, g->ops[i].out)->shape.dim[0];
        for (int s = 0; s < SLOT_COUNT; s++) {
            const Tensor *x = tensor_ok(g->ops[i].in[s]) ? tensor(g, g->ops[i].in[s]) : NULL;
            if (x && x->kind != T_WEIGHT && x->shape.dim[0] != 1 && x->shape.dim[0] != n)
                return 1;
        }
        if (n != 1 && n != batch)
            return 1;
    }
    return batch;
}

static void lower_map(Lower *l, const Op *o, Map m, const TensorId *operands, int n,
                      const char *kind)
{
    map_plan(&m);
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_MAP, &m, kind), map_tasks(&m), kind);
    for (int i = 0; i < n; i++)
        lower_use_tensor(l, x, operands[i]);
    lower_use_tensor(l, x, o->out);
}

/* Rows and channels of a result, everything else zero. */
static Map map_of(const Lower *l, const Op *o, MapKind kind)
{
    Map m;
    memset(&m, 0, sizeof m);
    const Shape *y = &tensor(l->g, o->out)->shape;
    m.kind = kind;
    m.c = shape_channels(y);
    m.rows = shape_count(y) / m.c;
    return m;
}

static void lower_add(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_ADD);
    const Shape *x = &tensor(l->g, o->in[0])->shape, *y = &tensor(l->g, o->in[1])->shape;
    m.y_rows = shape_count(y) / m.c;
    if (x->rank > 2 && y->rank == 2 && y->dim[0] == x->dim[0] && y->dim[1] == m.c) {
        m.kind = MAP_ADD_VEC;
        m.rows_per_batch = shape_rows(x);
    }
    lower_map(l, o, m, o->in, 2, m.kind == MAP_ADD ? "add" : "add vec");
}

/* A map of one operand, with the name of its op. */
static void lower_map_of_one(Lower *l, const Op *o, Map m)
{
    lower_map(l, o, m, o->in, 1, op_names[o->kind]);
}

static void lower_activation(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_ACTIVATION);
    m.act = op_activation(o);
    if (activations[m.act].gated)
        m.kind = MAP_GATED;
    lower_map_of_one(l, o, m);
}

static void lower_scale(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_SCALE);
    m.value = o->attr.scale.factor;
    m.shift = o->attr.scale.shift;
    lower_map_of_one(l, o, m);
}

static void lower_concat(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_CONCAT);
    const Shape *x = &tensor(l->g, o->in[0])->shape, *y = &tensor(l->g, o->in[1])->shape;
    m.c1 = shape_channels(x);
    m.x_rows = shape_count(x) / m.c1;
    m.y_rows = shape_count(y) / (m.c - m.c1);
    lower_map(l, o, m, o->in, 2, "concat");
}

static void lower_broadcast(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_BROADCAST);
    m.x_rows = shape_count(&tensor(l->g, o->in[0])->shape) / m.c;
    lower_map_of_one(l, o, m);
}

static void lower_upsample(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_UPSAMPLE);
    const Shape *y = &tensor(l->g, o->out)->shape;
    m.h = y->dim[1];
    m.w = y->dim[2];
    lower_map_of_one(l, o, m);
}

static void lower_slice(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_SLICE);
    m.c1 = shape_channels(&tensor(l->g, o->in[0])->shape);
    m.offset = o->attr.slice.begin;
    lower_map_of_one(l, o, m);
}

/* Under bf16 the table is stored so: half of what is by far the largest weight that is no
 * product's. */
static void lower_embedding(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_EMBEDDING);
    m.table_rows = tensor(l->g, o->in[1])->shape.dim[0];
    m.table_bf16 = l->p->bf16;
    map_plan(&m);
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_MAP, &m, "embedding"), map_tasks(&m),
                         "embedding");
    lower_use_tensor(l, x, o->in[0]);
    lower_use(l, x, lower_packed(l, m.table_bf16 ? PACK_BF16 : PACK_RAW, o->in[1], NULL));
    lower_use_tensor(l, x, o->out);
}

static void lower_layer_norm(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_LAYER_NORM);
    m.value = o->attr.norm.eps;
    lower_map(l, o, m, o->in, 3, "layernorm");
}

static void lower_op(Lower *l, const Op *o)
{
    switch (o->kind) {
#define ELEMENTWISE(e, name, formula) case OP_##e:
#include "ops.def"
    case OP_GELU:
    case OP_GEGLU: lower_activation(l, o); return;
    case OP_CONV2D:
    case OP_DENSE: lower_contract(l, o); return;
    case OP_GROUP_NORM: lower_group_norm(l, o); return;
    case OP_GROUP_SCALE: lower_group_scale(l, o); return;
    case OP_RANGE: lower_range(l, o); return;
    case OP_LAYER_NORM: lower_layer_norm(l, o); return;
    case OP_ADD: lower_add(l, o); return;
    case OP_SCALE: lower_scale(l, o); return;
    case OP_CONCAT: lower_concat(l, o); return;
    case OP_BROADCAST: lower_broadcast(l, o); return;
    case OP_UPSAMPLE: lower_upsample(l, o); return;
    case OP_SLICE: lower_slice(l, o); return;
    case OP_EMBEDDING: lower_embedding(l, o); return;
    case OP_SOFTMAX: lower_map_of_one(l, o, map_of(l, o, MAP_SOFTMAX)); return;
    case OP_ATTENTION: lower_attention(l, o); return;
    case OP_ATTN_QK:
    case OP_ATTN_AV: lower_attn_part(l, o); return;
    case OP_RESHAPE: return;
    case OP_COUNT: die("lower: no such op");
    }
}

/* ---- plans and buffers ---- */

static int plan_of_binding(const Program *p, Binding b)
{
    if (b >= BIND_INTERVAL)
        return b == BIND_INTERVAL ? PLAN_INTERVAL : PLAN_STEP;
    if (!(p->fuse & FUSE_HOIST))
        return PLAN_STEP;
    return b == BIND_TIME ? PLAN_TIME : PLAN_PROMPT;
}

/* The plan in which op k reads operand n: attention reads keys and values when they are packed. */
static int reading_plan(const Lower *l, uint32_t k, int n)
{
    int after = l->pack_of[k].after;
    return l->g->ops[k].kind == OP_ATTENTION && n > 0 && after != NO_OP_INDEX ? l->plan_of[after]
                                                                              : l->plan_of[k];
}

/* Does another plan read the result of op i? */
static bool crosses(const Lower *l, uint32_t i)
{
    TensorId t = l->g->ops[i].out;
    for (uint32_t k = i + 1; k < l->g->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++)
            if (tensor_ok(l->g->ops[k].in[n]) &&
                tensor_eq(tensor_root(l->g, l->g->ops[k].in[n]), t) &&
                reading_plan(l, k, n) != l->plan_of[i] && l->g->ops[k].kind != OP_RESHAPE)
                return true;
    return false;
}

/* The later producer, in the order of lowering, of an attention's keys and values. */
static void find_packs(Lower *l)
{
    for (uint32_t i = 0; i < l->g->n_ops; i++) {
        l->pack_of[i].after = NO_OP_INDEX;
        for (int n = 1; n <= 2 && l->g->ops[i].kind == OP_ATTENTION; n++) {
            const Tensor *x = tensor(l->g, tensor_root(l->g, l->g->ops[i].in[n]));
            if (x->kind != T_TEMP)
                continue;
            int made = (int)x->producer.id - 1, *after = &l->pack_of[i].after;
            int plan = l->plan_of[made], before = *after == NO_OP_INDEX ? -1 : l->plan_of[*after];
            if (n == 2 && plan != before && plan_in_loop(plan) && plan_in_loop(before)) {
                *after = NO_OP_INDEX; /* neither plan has both */
                continue;
            }
            if (plan > before || (plan == before && made > *after))
                *after = made;
        }
    }
}

static void place_result(Lower *l, uint32_t i)
{
    const Op *o = &l->g->ops[i];
    if (o->kind == OP_RESHAPE)
        return;
    int64_t bytes = lower_bytes(l->g, o->out) / (l->bf16[o->out.id] ? 2 : 1);
    int out = lower_output(l->g, o->out);
    uint32_t m;
    if (out >= 0) {
        m = lower_mem(l->s, bytes, LRT_BUF_IO + l->g->n_inputs + (uint32_t)out, 0);
    } else {
        m = lower_plan_mem(l, bytes, l->plan_of[i], crosses(l, i));
    }
    l->mem_of[o->out.id] = m + 1;
}

/* Outputs that are inputs or weights, or that share memory with an earlier output, are copied at
 * the end. */
static void copy_outputs(Lower *l)
{
    for (uint32_t i = 0; i < l->g->n_outputs; i++) {
        TensorId t = tensor_root(l->g, l->g->outputs[i]);
        if (tensor(l->g, t)->kind == T_TEMP && lower_output(l->g, t) == (int)i)
            continue;
        static const Op copy = {.path = "output"};
        l->op = &copy;
        l->plan = PLAN_STEP;
        Map m;
        memset(&m, 0, sizeof m);
        m.kind = MAP_COPY;
        m.c = shape_channels(&tensor(l->g, t)->shape);
        m.rows = shape_count(&tensor(l->g, t)->shape) / m.c;
        map_plan(&m);
        uint32_t from = lower_operand(l, t);
        Step *x = lower_step(l, program_kernel(l->p, KERNEL_MAP, &m, "copy"), map_tasks(&m),
                             "copy");
        lower_use(l, x, from);
        lower_use(l, x, lower_mem(l->s, lower_bytes(l->g, t), LRT_BUF_IO + l->g->n_inputs + i, 0));
    }
}

static StageIo io_of(const Graph *g, TensorId t, const char *name)
{
    const Tensor *x = tensor(g, t);
    return (StageIo){name, x->dtype, x->shape, x->binding};
}

static void describe_io(const Graph *g, Stage *s)
{
    CHECK(g->n_inputs <= MOST_IO && g->n_outputs <= MOST_IO);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        s->inputs[s->n_inputs++] = io_of(g, g->inputs[i], tensor(g, g->inputs[i])->name);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        s->outputs[s->n_outputs++] = io_of(g, g->outputs[i], g->output_names[i]);
}

/* ---- the stage ---- */

static Lower lower_begin(Program *p, Graph *g)
{
    Lower l = {.p = p, .g = g, .s = xcalloc(1, sizeof(Stage))};
    l.s->graph = g;
    describe_io(g, l.s);
    l.batch = separate_batch(g);
    l.mem_of = xcalloc(g->n_tensors + 1, sizeof *l.mem_of);
    l.sums_of = xcalloc(g->n_tensors + 1, sizeof *l.sums_of);
    l.bf16 = xcalloc(g->n_tensors + 1, sizeof *l.bf16);
    l.plan_of = xcalloc(g->n_ops + 1, sizeof *l.plan_of);
    l.form_of = xcalloc(g->n_tensors + 1, sizeof *l.form_of);
    l.pack_of = xcalloc(g->n_ops + 1, sizeof *l.pack_of);
    return l;
}

static void lower_end(Lower *l)
{
    free(l->mem_of);
    free(l->sums_of);
    free(l->bf16);
    free(l->plan_of);
    free(l->form_of);
    free(l->pack_of);
}

/* An op is in the plan of its binding, but never before an operand: outputs are computed in the
 * step plan whatever their binding. Ops of full steps may well read values of every step. */
static void choose_plans(Lower *l)
{
    const Graph *g = l->g;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        int plan = plan_of_binding(l->p, tensor(g, o->out)->binding);
        if (lower_output(g, tensor_root(g, o->out)) >= 0)
            plan = PLAN_STEP;
        for (int n = 0; n < SLOT_COUNT; n++) {
            const Tensor *x = tensor_ok(o->in[n]) ? tensor(g, o->in[n]) : NULL;
            if (x && x->kind == T_TEMP && plan != PLAN_INTERVAL &&
                l->plan_of[x->producer.id - 1] > plan)
                plan = l->plan_of[x->producer.id - 1];
        }
        l->plan_of[i] = plan;
    }
}

static void place_values(Lower *l)
{
    for (uint32_t i = 0; i < l->g->n_inputs; i++) {
        TensorId t = l->g->inputs[i];
        l->mem_of[t.id] = lower_mem(l->s, lower_bytes(l->g, t), LRT_BUF_IO + i, 0) + 1;
    }
    for (uint32_t i = 0; i < l->g->n_ops; i++) {
        l->bf16[l->g->ops[i].out.id] = lower_stored_bf16(l, i);
        place_result(l, i);
    }
}

/* A convolution may be computed in whole numbers, and is not: its range goes, once nothing is left
 * that reads it. */
static bool keep_as_written(Op *o, ConvMode form)
{
    if (quants[o->attr.contract.quant].range != IMAGE_RANGE || form == CONV_INT8)
        return false;
    o->attr.contract.quant = quants[o->attr.contract.quant].otherwise;
    o->in[SLOT_RANGE] = NO_TENSOR;
    return true;
}

static void choose_forms(Lower *l)
{
    ConvChoice *choices;
    int n = choose_convolutions(l->g, l->p, &choices);
    bool changed = false;
    for (uint32_t i = 0; i <= l->g->n_tensors; i++)
        l->form_of[i] = CONV_DIRECT;
    for (int i = 0; i < n; i++) {
        Op *o = &l->g->ops[choices[i].op];
        l->form_of[o->out.id] = choices[i].form[choices[i].chosen];
        changed |= keep_as_written(o, l->form_of[o->out.id]);
    }
    if (changed) {
        graph_sweep(l->g);
        graph_rebind(l->g);
    }
    free(choices);
}

/* The steps of that plan (PLAN_STEP: of the loop), in the order of the ops. Keys and values of an
 * attention are packed after the op that makes the later one. */
static void lower_plan(Lower *l, int plan)
{
    const Graph *g = l->g;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        if (!lower_together(l->plan_of[i], plan))
            continue;
        l->plan = l->plan_of[i];
        l->op = &g->ops[i];
        lower_op(l, l->op);
        for (uint32_t k = 0; k < g->n_ops; k++)
            if (l->pack_of[k].after == (int)i)
                lower_attention_pack(l, &g->ops[k]);
    }
}

Stage *lower(Program *p, Graph *g)
{
    Lower l = lower_begin(p, g);
    choose_forms(&l);
    choose_plans(&l);
    find_packs(&l);
    place_values(&l);
    static const int order[] = {PLAN_PROMPT, PLAN_TIME, PLAN_STEP};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        lower_plan(&l, order[i]);
    copy_outputs(&l);
    memplan(l.s, p->fuse & FUSE_MEMORY);
    lower_end(&l);
    return l.s;
}
