/* Building blocks of lowering: memory, packed weights, steps and their operands. */
#include "steps.h"
#include "contract_plan.h"
#include "err.h"
#include <stdlib.h>
#include <string.h>

uint32_t lower_mem(Stage *s, int64_t bytes, uint32_t buffer, int64_t offset)
{
    return stage_add_mem(s, (Mem){bytes, -1, -1, buffer, offset});
}

int64_t lower_bytes(const Graph *g, TensorId t) { return shape_count(&tensor(g, t)->shape) * 4; }

int lower_output(const Graph *g, TensorId t)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor_eq(tensor_root(g, g->outputs[i]), t))
            return (int)i;
    return -1;
}

uint32_t lower_packed(Lower *l, PackKind kind, TensorId t, const Contract *c)
{
    Stage *s = l->s;
    PanelLayout layout;
    memset(&layout, 0, sizeof layout);
    if (c)
        layout = panel_layout(c);
    for (int i = 0; i < s->n_packed; i++) {
        Packed *x = &s->packed[i];
        if (x->kind == kind && tensor_eq(x->tensor, t) &&
            memcmp(&x->layout, &layout, sizeof layout) == 0)
            return x->mem;
    }
    Packed *x = stage_add_packed(s, &(Packed){.kind = kind, .tensor = t, .layout = layout});
    x->floats = kind == PACK_PANELS ? contract_panel_floats(c)
                : kind == PACK_BIAS ? contract_bias_floats(c)
                : kind == PACK_BF16 ? ceil_div(shape_count(&tensor(l->g, t)->shape), 2)
                                    : lower_bytes(l->g, t) / 4;
    x->offset = s->weights_bytes;
    s->weights_bytes += (x->floats * 4 + 63) / 64 * 64;
    x->mem = lower_mem(s, x->floats * 4, LRT_BUF_WEIGHTS, x->offset);
    return x->mem;
}

uint32_t lower_operand(Lower *l, TensorId t)
{
    t = tensor_root(l->g, t);
    if (tensor(l->g, t)->kind == T_WEIGHT)
        return lower_packed(l, PACK_RAW, t, NULL);
    CHECK(l->mem_of[t.id] != 0);
    return l->mem_of[t.id] - 1;
}

uint32_t lower_plan_mem(Lower *l, int64_t bytes, int plan, bool crosses)
{
    if (!crosses || plan == PLAN_STEP)
        return lower_mem(l->s, bytes, LRT_BUF_ARENA, 0);
    Stage *s = l->s;
    int64_t *const used[PLAN_STEP] = {&s->prompt_bytes, &s->time_row_bytes, &s->interval_bytes};
    static const uint32_t buffers[PLAN_STEP] = {LRT_BUF_PROMPT, LRT_BUF_TIME, LRT_BUF_INTERVAL};
    int64_t offset = *used[plan];
    *used[plan] += (bytes + 63) / 64 * 64;
    return lower_mem(s, bytes, buffers[plan], offset);
}

bool lower_together(int plan, int other)
{
    return plan == other || (plan_in_loop(plan) && plan_in_loop(other));
}

bool lower_summed_by(const Graph *g, const Op *u, TensorId t)
{
    bool reads = false;
    for (int n = 0; n <= SLOT_X2; n += SLOT_X2)
        reads |= tensor_ok(u->in[n]) && tensor_eq(tensor_root(g, u->in[n]), tensor_root(g, t));
    return reads && (u->kind == OP_GROUP_SCALE || u->kind == OP_GROUP_NORM || u->kind == OP_RANGE);
}

/* Does an op of that plan read the sums of t? */
static bool norm_reads(const Lower *l, TensorId t, int plan)
{
    for (uint32_t i = 0; i < l->g->n_ops; i++)
        if (l->plan_of[i] == plan && lower_summed_by(l->g, &l->g->ops[i], t))
            return true;
    return false;
}

int lower_sums_plan(const Lower *l, TensorId t)
{
    const Tensor *x = tensor(l->g, tensor_root(l->g, t));
    int made = x->kind == T_TEMP ? l->plan_of[x->producer.id - 1] : PLAN_PROMPT;
    if (!plan_in_loop(l->plan) || made == PLAN_INTERVAL)
        return plan_in_loop(l->plan) ? PLAN_INTERVAL : l->plan;
    return norm_reads(l, t, PLAN_STEP) ? PLAN_STEP : PLAN_INTERVAL;
}

uint32_t lower_sums_mem(Lower *l, TensorId t, const Sums *sums)
{
    bool crosses = l->plan == PLAN_INTERVAL && norm_reads(l, t, PLAN_STEP);
    return lower_plan_mem(l, sums_floats(sums) * 4, l->plan, crosses);
}

uint32_t lower_temp(Lower *l, int64_t floats)
{
    return lower_mem(l->s, floats * 4, LRT_BUF_ARENA, 0);
}

/* The tasks that the first batch element of the op's result needs: see lrt_step. */
static void choose_first(const Lower *l, Step *x)
{
    const Kernel *k = &l->p->kernels[x->kernel];
    if (!tensor_ok(l->op->out) || tensor(l->g, l->op->out)->shape.dim[0] != l->batch)
        return;
    FirstTasks t = kernel_first_tasks(k->kind, k->description, l->batch, x->tasks);
    x->round = t.round;
    x->first = t.first;
}

Step *lower_step(Lower *l, int kernel, int64_t tasks, const char *kind)
{
    Stage *s = l->s;
    Step *x = stage_add_step(s, &(Step){0});
    x->kernel = kernel;
    x->tasks = x->round = x->first = tasks;
    choose_first(l, x);
    x->plan = l->plan;
    x->name = l->op->path;
    x->kind = arena_strdup(l->g->arena, kind);
    return x;
}

void lower_use(Lower *l, Step *x, uint32_t m)
{
    CHECK(x->n_args < LRT_MAX_ARGS);
    x->args[x->n_args++] = m;
    Mem *y = &l->s->mems[m];
    int now = (int)(x - l->s->steps);
    /* q, k and v may be one tensor. */
    bool again = false;
    for (int i = 0; i + 1 < x->n_args; i++)
        again |= x->args[i] == m;
    if (y->first < 0)
        y->first = now;
    y->last = now;
    if (!again)
        x->bytes += (double)y->bytes;
}
void lower_use_tensor(Lower *l, Step *x, TensorId t) { lower_use(l, x, lower_operand(l, t)); }

void lower_scratch(Lower *l, int64_t bytes)
{
    bytes = (bytes + 63) / 64 * 64 + 64;
    if (bytes > l->s->scratch_bytes)
        l->s->scratch_bytes = bytes;
}
