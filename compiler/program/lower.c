/* Lowering: one or more kernel steps per operation, with arguments in named memory.
 *
 * Requires: passes done, ops in order. With hoisting, operations bound to the prompt go to the
 * prompt plan, those bound to the timestep to the time plan, and values that cross into the step
 * plan live in their plan's own buffer; the rest shares the arena. */
#include "lower.h"
#include "algorithm.h"
#include <stdlib.h>
#include <string.h>

static uint32_t add_mem(Stage *s, int64_t bytes, uint32_t buffer, int64_t offset)
{
    if (s->n_mems == s->cap_mems) {
        s->cap_mems = s->cap_mems ? 2 * s->cap_mems : 256;
        s->mems = xrealloc(s->mems, s->cap_mems * sizeof *s->mems);
    }
    s->mems[s->n_mems] = (Mem){bytes, -1, -1, buffer, offset};
    return s->n_mems++;
}

int64_t lower_bytes(const Graph *g, TensorId t) { return shape_count(&tensor(g, t)->shape) * 4; }

/* Reshapes are views: the tensor whose memory t uses. */
TensorId lower_root(const Graph *g, TensorId t)
{
    for (;;) {
        const Tensor *x = tensor(g, t);
        if (x->kind != T_TEMP || op_of(g, x->producer)->kind != OP_RESHAPE)
            return t;
        t = op_of(g, x->producer)->in[0];
    }
}

int lower_output(const Graph *g, TensorId t)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor_eq(lower_root(g, g->outputs[i]), t))
            return (int)i;
    return -1;
}

/* Weight t in the form that kernels of c read; the same form is packed once. */
uint32_t lower_packed(Lower *l, PackKind kind, TensorId t, const Contract *c)
{
    Stage *s = l->s;
    for (int i = 0; i < s->n_packed; i++) {
        Packed *x = &s->packed[i];
        if (x->kind == kind && tensor_eq(x->tensor, t) &&
            (!c || memcmp(&x->contract, c, sizeof *c) == 0))
            return x->mem;
    }
    if (s->n_packed == s->cap_packed) {
        s->cap_packed = s->cap_packed ? 2 * s->cap_packed : 128;
        s->packed = xrealloc(s->packed, (size_t)s->cap_packed * sizeof *s->packed);
    }
    Packed *x = &s->packed[s->n_packed++];
    memset(x, 0, sizeof *x);
    x->kind = kind;
    x->tensor = t;
    if (c)
        x->contract = *c;
    x->floats = kind == PACK_PANELS ? contract_panel_floats(c)
                : kind == PACK_BIAS ? contract_bias_floats(c)
                                    : lower_bytes(l->g, t) / 4;
    x->offset = s->weights_bytes;
    s->weights_bytes += (x->floats * 4 + 63) / 64 * 64;
    x->mem = add_mem(s, x->floats * 4, LRT_BUF_WEIGHTS, x->offset);
    return x->mem;
}

/* Memory of an operand. Weights reached this way are read as stored. */
static uint32_t mem(Lower *l, TensorId t)
{
    t = lower_root(l->g, t);
    if (tensor(l->g, t)->kind == T_WEIGHT)
        return lower_packed(l, PACK_RAW, t, NULL);
    CHECK(l->mem_of[t.id] != 0);
    return l->mem_of[t.id] - 1;
}

/* Room for a result of that plan; crosses: it outlives the plan. */
static uint32_t plan_mem(Lower *l, int64_t bytes, int plan, bool crosses)
{
    if (!crosses || plan == PLAN_STEP)
        return add_mem(l->s, bytes, LRT_BUF_ARENA, 0);
    int64_t *used = plan == PLAN_PROMPT ? &l->s->prompt_bytes : &l->s->time_row_bytes,
            offset = *used;
    *used += (bytes + 63) / 64 * 64;
    return add_mem(l->s, bytes, plan == PLAN_PROMPT ? LRT_BUF_PROMPT : LRT_BUF_TIME, offset);
}

uint32_t lower_temp(Lower *l, int64_t floats)
{
    return add_mem(l->s, floats * 4, LRT_BUF_ARENA, 0);
}

/* Batch elements of which every one is computed from its own of the operands alone: as many as the
 * largest result has, or 1 where some op mixes them. */
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

/* Which tasks the first batch element of the op's result needs: see lrt_step. */
static void choose_first(const Lower *l, Step *x)
{
    const Kernel *k = &l->p->kernels[x->kernel];
    int64_t batch = l->batch;
    if (batch == 1 || !tensor_ok(l->op->out) || tensor(l->g, l->op->out)->shape.dim[0] != batch)
        return;
    switch (k->kind) {
    case KERNEL_CONTRACT:
    case KERNEL_CONTRACT_LOAD: {
        const Contract *c = k->key;
        x->round = contract_strips(c);
        x->first = c->strips_b > 1 ? x->round / c->strips_b
                   : c->flat       ? ceil_div(c->oh * c->ow, c->pixels)
                                   : x->round;
        return;
    }
    case KERNEL_UNPACK: return;
    case KERNEL_SUMS:
        if (((const Sums *)k->key)->batch == 1)
            return;
        break;
    case KERNEL_MAP:
        x->first = ceil_div(((const Map *)k->key)->rows / batch, ((const Map *)k->key)->per);
        return;
    case KERNEL_ATTENTION_PACK: {
        const Attention *a = k->key;
        if (!a->sk && !a->sv)
            return;
    } break;
    default: break;
    }
    x->first = x->tasks / batch;
}

Step *lower_step(Lower *l, int kernel, int64_t tasks, const char *kind)
{
    Stage *s = l->s;
    if (s->n_steps == s->cap_steps) {
        s->cap_steps = s->cap_steps ? 2 * s->cap_steps : 256;
        s->steps = xrealloc(s->steps, (size_t)s->cap_steps * sizeof *s->steps);
    }
    Step *x = &s->steps[s->n_steps++];
    memset(x, 0, sizeof *x);
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
    bool again = false; /* q, k and v may be one tensor */
    for (int i = 0; i + 1 < x->n_args; i++)
        again |= x->args[i] == m;
    if (y->first < 0)
        y->first = now;
    y->last = now;
    if (!again)
        x->bytes += (double)y->bytes;
}
void lower_use_tensor(Lower *l, Step *x, TensorId t) { lower_use(l, x, mem(l, t)); }

void lower_scratch(Lower *l, int64_t bytes)
{
    bytes = (bytes + 63) / 64 * 64 + 64;
    if (bytes > l->s->scratch_bytes)
        l->s->scratch_bytes = bytes;
}

/* ---- the rest ---- */

static void lower_map(Lower *l, const Op *o, Map m, const TensorId *operands, int n,
                      const char *kind)
{
    map_plan(&m);
    Step *x = lower_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, kind), map_tasks(&m), kind);
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

/* Sums of t: its producer's, or those of a step of their own, once. */
static const TensorSums *sums_of(Lower *l, TensorId t)
{
    TensorSums *x = &l->sums_of[lower_root(l->g, t).id];
    const Shape *s = &tensor(l->g, t)->shape;
    if (x->mem && x->plan == l->plan)
        return x; /* another plan's are gone */
    x->plan = l->plan;
    x->sums = sums_of_rows(s->dim[0], shape_rows(s), shape_channels(s));
    x->mem = lower_temp(l, sums_floats(&x->sums)) + 1;
    Step *step = lower_step(
        l, kernel_get(l->p, KERNEL_SUMS, &x->sums, sizeof x->sums, "groupnorm sums"),
        x->sums.batch * x->sums.blocks, "groupnorm sums");
    lower_use_tensor(l, step, t);
    lower_use(l, step, x->mem - 1);
    return x;
}

static uint32_t lower_group_scale(Lower *l, const Op *o, uint32_t result)
{
    GroupFinish g;
    memset(&g, 0, sizeof g);
    const TensorSums *sums[2] = {
        sums_of(l, o->in[0]),
        o->kind == OP_GROUP_SCALE && tensor_ok(o->in[3]) ? sums_of(l, o->in[3]) : NULL};
    g.batch = tensor(l->g, o->out)->shape.dim[0];
    g.groups = o->attr.norm.groups;
    g.eps = o->attr.norm.eps;
    for (int i = 0; i < 2 && sums[i]; i++)
        g.part[i] = sums[i]->sums;
    Step *s = lower_step(l, kernel_get(l->p, KERNEL_GROUP_FINISH, &g, sizeof g, "groupnorm scale"),
                         g.batch * g.groups, "groupnorm scale");
    for (int i = 0; i < 2 && sums[i]; i++)
        lower_use(l, s, sums[i]->mem - 1);
    lower_use_tensor(l, s, o->in[1]);
    lower_use_tensor(l, s, o->in[2]);
    lower_use(l, s, result);
    return result;
}

static void lower_group_norm(Lower *l, const Op *o)
{
    Map m = map_of(l, o, MAP_AFFINE);
    const Shape *x = &tensor(l->g, o->in[0])->shape;
    uint32_t scale = lower_group_scale(l, o, lower_temp(l, x->dim[0] * 2 * m.c));
    m.rows_per_batch = shape_rows(x);
    map_plan(&m);
    Step *s = lower_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, "groupnorm apply"),
                         map_tasks(&m), "groupnorm apply");
    lower_use_tensor(l, s, o->in[0]);
    lower_use(l, s, scale);
    lower_use_tensor(l, s, o->out);
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

/* Floats between batch elements; 0 when one serves all. */
static int64_t batch_step(const Shape *s)
{
    return s->dim[0] == 1 ? 0 : shape_count(s) / s->dim[0];
}

static Attention attention_of(const Lower *l, const Op *o)
{
    Attention a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *q = &tensor(l->g, o->in[0])->shape, *k = &tensor(l->g, o->in[1])->shape,
                *v = &tensor(l->g, o->in[2])->shape;
    a = (Attention){.batch = tensor(l->g, o->out)->shape.dim[0],
                    .n = shape_rows(q),
                    .m = shape_rows(k),
                    .heads = t->heads,
                    .head_size = t->head_size,
                    .ldq = shape_channels(q),
                    .ldk = shape_channels(k),
                    .ldv = shape_channels(v),
                    .ldy = shape_channels(&tensor(l->g, o->out)->shape),
                    .q_off = t->q_off,
                    .k_off = t->k_off,
                    .v_off = t->v_off,
                    .sq = batch_step(q),
                    .sk = batch_step(k),
                    .sv = batch_step(v),
                    .scale = t->scale,
                    .causal = t->causal,
                    .bf16 = l->p->bf16};
    a.y_bf16 = l->bf16[o->out.id];
    attention_plan(&a, l->p->target);
    return a;
}

/* Keys and values of attention o, packed as soon as both exist: in the plan of the later one. */
static void lower_attention_pack(Lower *l, const Op *o)
{
    Attention a = attention_of(l, o);
    AttentionPack *p = &l->pack_of[o - l->g->ops];
    p->keys = plan_mem(l, attention_key_floats(&a) * 4, l->plan,
                       l->plan != l->plan_of[o - l->g->ops]);
    p->values = plan_mem(l, attention_value_floats(&a) * 4, l->plan,
                         l->plan != l->plan_of[o - l->g->ops]);
    const Op *attending = l->op;
    l->op = o;
    Step *x = lower_step(l, kernel_get(l->p, KERNEL_ATTENTION_PACK, &a, sizeof a, "attention pack"),
                         attention_pack_tasks(&a), "attention pack");
    l->op = attending;
    lower_use_tensor(l, x, o->in[1]);
    lower_use_tensor(l, x, o->in[2]);
    lower_use(l, x, p->keys);
    lower_use(l, x, p->values);
}

static void lower_attention(Lower *l, const Op *o)
{
    Attention a = attention_of(l, o);
    const AttentionPack *p = &l->pack_of[o - l->g->ops];
    if (p->after == NO_OP_INDEX)
        lower_attention_pack(l, o);
    lower_scratch(l, attention_scratch(&a));
    const char *kind = a.causal ? "attention causal" : a.bf16 ? "attention bf16" : "attention";
    Step *x = lower_step(l, kernel_get(l->p, KERNEL_ATTENTION, &a, sizeof a, kind),
                         attention_tasks(&a), kind);
    lower_use_tensor(l, x, o->in[0]);
    lower_use(l, x, p->keys);
    lower_use(l, x, p->values);
    lower_use_tensor(l, x, o->out);
    x->flops = x->done = 2.0 * (double)op_macs(l->g, o);
    x->bf16 = a.bf16;
}

static void lower_attn_part(Lower *l, const Op *o)
{
    AttnPart a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *x = &tensor(l->g, o->in[0])->shape, *y = &tensor(l->g, o->in[1])->shape,
                *r = &tensor(l->g, o->out)->shape;
    a.av = o->kind == OP_ATTN_AV;
    a.heads = t->heads;
    a.batch = r->dim[0];
    a.m = shape_rows(y);
    a.n = a.av ? x->dim[2] : shape_rows(x);
    a.head_size = t->head_size;
    a.off1 = a.av ? 0 : t->q_off;
    a.off2 = a.av ? t->v_off : t->k_off;
    a.s1 = batch_step(x);
    a.s2 = batch_step(y);
    a.ld1 = shape_channels(x);
    a.ld2 = shape_channels(y);
    a.ldy = shape_channels(r);
    a.scale = a.av ? 1 : t->scale;
    a.causal = a.av ? 0 : t->causal;
    attn_part_plan(&a, l->p->target);
    lower_scratch(l, attn_part_scratch(&a, l->p->target));
    const char *kind = a.av ? "attention av" : "attention scores";
    Step *s = lower_step(l, kernel_get(l->p, KERNEL_ATTN_PART, &a, sizeof a, kind),
                         attn_part_tasks(&a, l->p->target), kind);
    for (int i = 0; i < 2; i++)
        lower_use_tensor(l, s, o->in[i]);
    lower_use_tensor(l, s, o->out);
    s->flops = s->done = 2.0 * (double)op_macs(l->g, o);
}

static void lower_op(Lower *l, const Op *o)
{
    Map m = o->kind == OP_RESHAPE ? (Map){0} : map_of(l, o, MAP_COPY);
    const Shape *x = &tensor(l->g, o->in[0])->shape;
    switch (o->kind) {
    case OP_CONV2D:
    case OP_DENSE: lower_contract(l, o); return;
    case OP_GROUP_NORM: lower_group_norm(l, o); return;
    case OP_GROUP_SCALE: lower_group_scale(l, o, mem(l, o->out)); return;
    case OP_ADD: lower_add(l, o); return;
    case OP_ATTENTION: lower_attention(l, o); return;
    case OP_ATTN_QK:
    case OP_ATTN_AV: lower_attn_part(l, o); return;
    case OP_RESHAPE: return;
    case OP_SWISH: m.kind = MAP_SWISH; break;
    case OP_GELU: m.kind = o->attr.gelu.kind == GELU_TANH ? MAP_GELU_TANH : MAP_GELU_ERF; break;
    case OP_GEGLU: m.kind = o->attr.gelu.kind == GELU_TANH ? MAP_GEGLU_TANH : MAP_GEGLU_ERF; break;
    case OP_SCALE:
        m.kind = MAP_SCALE;
        m.value = o->attr.scale.factor;
        break;
    case OP_CONCAT:
        m.kind = MAP_CONCAT;
        m.c1 = shape_channels(x);
        m.x_rows = shape_count(x) / m.c1;
        m.y_rows = shape_count(&tensor(l->g, o->in[1])->shape) / (m.c - m.c1);
        lower_map(l, o, m, o->in, 2, "concat");
        return;
    case OP_BROADCAST:
        m.kind = MAP_BROADCAST;
        m.x_rows = shape_count(x) / m.c;
        break;
    case OP_UPSAMPLE:
        m.kind = MAP_UPSAMPLE;
        m.h = 2 * x->dim[1];
        m.w = 2 * x->dim[2];
        break;
    case OP_SLICE:
        m.kind = MAP_SLICE;
        m.c1 = shape_channels(x);
        m.offset = o->attr.slice.begin;
        break;
    case OP_EMBEDDING:
        m.kind = MAP_EMBEDDING;
        m.table_rows = tensor(l->g, o->in[1])->shape.dim[0];
        lower_map(l, o, m, o->in, 2, "embedding");
        return;
    case OP_LAYER_NORM:
        m.kind = MAP_LAYER_NORM;
        m.value = o->attr.norm.eps;
        lower_map(l, o, m, o->in, 3, "layernorm");
        return;
    case OP_SOFTMAX: m.kind = MAP_SOFTMAX; break;
    case OP_COUNT: die("lower: no such op");
    }
    lower_map(l, o, m, o->in, 1, op_names[o->kind]);
}

/* ---- plans and buffers ---- */

static int plan_of_binding(const Program *p, Binding b)
{
    if (!(p->fuse & FUSE_HOIST))
        return PLAN_STEP;
    return b == BIND_STEP ? PLAN_STEP : b == BIND_TIME ? PLAN_TIME : PLAN_PROMPT;
}

/* The plan in which op k reads operand n: attention reads keys and values when they are packed. */
static int reading_plan(const Lower *l, uint32_t k, int n)
{
    int after = l->pack_of[k].after;
    return l->g->ops[k].kind == OP_ATTENTION && n > 0 && after != NO_OP_INDEX ? l->plan_of[after]
                                                                              : l->plan_of[k];
}

/* Does the result of op i leave its plan? */
static bool crosses(const Lower *l, uint32_t i)
{
    TensorId t = l->g->ops[i].out;
    for (uint32_t k = i + 1; k < l->g->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++)
            if (tensor_ok(l->g->ops[k].in[n]) &&
                tensor_eq(lower_root(l->g, l->g->ops[k].in[n]), t) &&
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
            const Tensor *x = tensor(l->g, lower_root(l->g, l->g->ops[i].in[n]));
            if (x->kind != T_TEMP)
                continue;
            int made = (int)x->producer.id - 1, *after = &l->pack_of[i].after;
            bool later = *after == NO_OP_INDEX || l->plan_of[made] > l->plan_of[*after] ||
                         (l->plan_of[made] == l->plan_of[*after] && made > *after);
            if (later)
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
        m = add_mem(l->s, bytes, LRT_BUF_IO + l->g->n_inputs + (uint32_t)out, 0);
    } else {
        m = plan_mem(l, bytes, l->plan_of[i], crosses(l, i));
    }
    l->mem_of[o->out.id] = m + 1;
}

/* Outputs that are inputs or weights, or that share memory with an earlier output, are copied at
 * the end. */
static void copy_outputs(Lower *l)
{
    for (uint32_t i = 0; i < l->g->n_outputs; i++) {
        TensorId t = lower_root(l->g, l->g->outputs[i]);
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
        uint32_t from = mem(l, t);
        Step *x = lower_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, "copy"), map_tasks(&m),
                             "copy");
        lower_use(l, x, from);
        lower_use(l, x, add_mem(l->s, lower_bytes(l->g, t), LRT_BUF_IO + l->g->n_inputs + i, 0));
    }
}

Stage *lower(Program *p, Graph *g)
{
    Lower l = {.p = p, .g = g, .s = xcalloc(1, sizeof(Stage))};
    l.s->graph = g;
    l.batch = separate_batch(g);
    l.mem_of = xcalloc(g->n_tensors + 1, sizeof *l.mem_of);
    l.sums_of = xcalloc(g->n_tensors + 1, sizeof *l.sums_of);
    l.plan_of = xcalloc(g->n_ops + 1, sizeof *l.plan_of);
    l.form_of = xcalloc(g->n_ops + 1, sizeof *l.form_of);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        l.mem_of[g->inputs[i].id] = add_mem(l.s, lower_bytes(g, g->inputs[i]), LRT_BUF_IO + i, 0) +
                                    1;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        l.plan_of[i] = plan_of_binding(p, tensor(g, g->ops[i].out)->binding);
        if (lower_output(g, lower_root(g, g->ops[i].out)) >= 0)
            l.plan_of[i] = PLAN_STEP;
        for (int n = 0; n < SLOT_COUNT; n++) { /* never before an operand: outputs are computed in
                                                  the step plan whatever their binding */
            const Tensor *x = tensor_ok(g->ops[i].in[n]) ? tensor(g, g->ops[i].in[n]) : NULL;
            if (x && x->kind == T_TEMP && l.plan_of[x->producer.id - 1] > l.plan_of[i])
                l.plan_of[i] = l.plan_of[x->producer.id - 1];
        }
    }
    l.pack_of = xcalloc(g->n_ops + 1, sizeof *l.pack_of);
    find_packs(&l);
    l.bf16 = xcalloc(g->n_tensors + 1, sizeof *l.bf16);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        l.bf16[g->ops[i].out.id] = lower_stored_bf16(&l, i);
        place_result(&l, i);
    }
    ConvChoice *choices;
    int n = choose_convolutions(g, p, &choices);
    for (uint32_t i = 0; i < g->n_ops; i++)
        l.form_of[i] = CONV_DIRECT;
    for (int i = 0; i < n; i++)
        l.form_of[choices[i].op] = choices[i].form[choices[i].chosen];
    free(choices);
    for (l.plan = 0; l.plan < PLAN_COUNT; l.plan++)
        for (uint32_t i = 0; i < g->n_ops; i++)
            if (l.plan_of[i] == l.plan) {
                l.op = &g->ops[i];
                lower_op(&l, l.op);
                for (uint32_t k = 0; k < g->n_ops; k++)
                    if (l.pack_of[k].after == (int)i)
                        lower_attention_pack(&l, &g->ops[k]);
            }
    copy_outputs(&l);
    memplan(l.s, p->fuse & FUSE_MEMORY);
    free(l.mem_of);
    free(l.bf16);
    free(l.plan_of);
    free(l.form_of);
    free(l.pack_of);
    free(l.sums_of);
    return l.s;
}
