/* Lowering: one or more kernel steps per operation, with arguments in named memory.
 *
 * Requires: passes done, ops in order. With hoisting, operations bound to the prompt go to the prompt plan, those bound to the timestep to
 * the time plan, and values that cross into the step plan live in their plan's own buffer; the rest shares the arena. */
#include "algorithm.h"
#include "codegen.h"
#include <stdlib.h>
#include <string.h>

/* Of an attention: the op after which its keys and values are packed (NO_OP_INDEX: right before itself), and where they lie then. */
enum { NO_OP_INDEX = -1 };
typedef struct { int after; uint32_t keys, values; } AttentionPack;

/* GroupNorm's sums of a tensor, once they are there: their memory + 1. */
typedef struct { Sums sums; uint32_t mem; int plan; } TensorSums;

typedef struct {
    Program *p;
    Graph *g;
    Stage *s;
    TensorSums *sums_of; /* per tensor id */
    uint32_t *mem_of;   /* per tensor id: its mem + 1, 0 while it has none */
    bool *bf16;         /* per tensor id: it is stored so */
    int *plan_of;       /* per op: PLAN_* */
    ConvMode *form_of;  /* per op: how a convolution is computed */
    AttentionPack *pack_of; /* per op */
    int64_t batch;      /* separate_batch() */
    int plan;           /* of the op being lowered */
    const Op *op;
} Lower;

static uint32_t add_mem(Stage *s, int64_t bytes, uint32_t buffer, int64_t offset) {
    if (s->n_mems == s->cap_mems) {
        s->cap_mems = s->cap_mems ? 2 * s->cap_mems : 256;
        s->mems = xrealloc(s->mems, s->cap_mems * sizeof *s->mems);
    }
    s->mems[s->n_mems] = (Mem){bytes, -1, -1, buffer, offset};
    return s->n_mems++;
}

static int64_t tensor_bytes(const Graph *g, TensorId t) { return shape_count(&tensor(g, t)->shape) * 4; }

/* Reshapes are views: the tensor whose memory t uses. */
static TensorId root(const Graph *g, TensorId t) {
    for (;;) {
        const Tensor *x = tensor(g, t);
        if (x->kind != T_TEMP || op_of(g, x->producer)->kind != OP_RESHAPE) return t;
        t = op_of(g, x->producer)->in[0];
    }
}

static int output_index(const Graph *g, TensorId t) {
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor_eq(root(g, g->outputs[i]), t)) return (int)i;
    return -1;
}

/* Weight t in the form that kernels of c read; the same form is packed once. */
static uint32_t packed(Lower *l, PackKind kind, TensorId t, const Contract *c) {
    Stage *s = l->s;
    for (int i = 0; i < s->n_packed; i++) {
        Packed *x = &s->packed[i];
        if (x->kind == kind && tensor_eq(x->tensor, t) && (!c || memcmp(&x->contract, c, sizeof *c) == 0)) return x->mem;
    }
    if (s->n_packed == s->cap_packed) {
        s->cap_packed = s->cap_packed ? 2 * s->cap_packed : 128;
        s->packed = xrealloc(s->packed, (size_t)s->cap_packed * sizeof *s->packed);
    }
    Packed *x = &s->packed[s->n_packed++];
    memset(x, 0, sizeof *x);
    x->kind = kind;
    x->tensor = t;
    if (c) x->contract = *c;
    x->floats = kind == PACK_PANELS ? contract_panel_floats(c) : kind == PACK_BIAS ? contract_bias_floats(c) : tensor_bytes(l->g, t) / 4;
    x->offset = s->weights_bytes;
    s->weights_bytes += (x->floats * 4 + 63) / 64 * 64;
    x->mem = add_mem(s, x->floats * 4, LRT_BUF_WEIGHTS, x->offset);
    return x->mem;
}

/* Memory of an operand. Weights reached this way are read as stored. */
static uint32_t mem(Lower *l, TensorId t) {
    t = root(l->g, t);
    if (tensor(l->g, t)->kind == T_WEIGHT) return packed(l, PACK_RAW, t, NULL);
    CHECK(l->mem_of[t.id] != 0);
    return l->mem_of[t.id] - 1;
}

/* Room for a result of that plan; crosses: it outlives the plan. */
static uint32_t plan_mem(Lower *l, int64_t bytes, int plan, bool crosses) {
    if (!crosses || plan == PLAN_STEP) return add_mem(l->s, bytes, LRT_BUF_ARENA, 0);
    int64_t *used = plan == PLAN_PROMPT ? &l->s->prompt_bytes : &l->s->time_row_bytes, offset = *used;
    *used += (bytes + 63) / 64 * 64;
    return add_mem(l->s, bytes, plan == PLAN_PROMPT ? LRT_BUF_PROMPT : LRT_BUF_TIME, offset);
}

static uint32_t temp(Lower *l, int64_t floats) { return add_mem(l->s, floats * 4, LRT_BUF_ARENA, 0); }

/* Batch elements of which every one is computed from its own of the operands alone: as many as the largest result has, or 1 where some op mixes
 * them. */
static int64_t separate_batch(const Graph *g) {
    int64_t batch = 1;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        int64_t n = tensor(g, g->ops[i].out)->shape.dim[0];
        if (n > batch) batch = n;
    }
    for (uint32_t i = 0; i < g->n_ops; i++) {
        int64_t n = tensor(g, g->ops[i].out)->shape.dim[0];
        for (int s = 0; s < SLOT_COUNT; s++) {
            const Tensor *x = tensor_ok(g->ops[i].in[s]) ? tensor(g, g->ops[i].in[s]) : NULL;
            if (x && x->kind != T_WEIGHT && x->shape.dim[0] != 1 && x->shape.dim[0] != n) return 1;
        }
        if (n != 1 && n != batch) return 1;
    }
    return batch;
}

/* Which tasks the first batch element of the op's result needs: see lrt_step. */
static void choose_first(const Lower *l, Step *x) {
    const Kernel *k = &l->p->kernels[x->kernel];
    int64_t batch = l->batch;
    if (batch == 1 || !tensor_ok(l->op->out) || tensor(l->g, l->op->out)->shape.dim[0] != batch) return;
    switch (k->kind) {
    case KERNEL_CONTRACT: case KERNEL_CONTRACT_LOAD: {
        const Contract *c = k->key;
        x->round = contract_strips(c);
        x->first = c->strips_b > 1 ? x->round / c->strips_b : c->flat ? ceil_div(c->oh * c->ow, c->pixels) : x->round;
        return;
    }
    case KERNEL_UNPACK: return;
    case KERNEL_SUMS:
        if (((const Sums *)k->key)->batch == 1) return;
        break;
    case KERNEL_MAP: x->first = ceil_div(((const Map *)k->key)->rows / batch, ((const Map *)k->key)->per); return;
    case KERNEL_ATTENTION_PACK: {
        const Attention *a = k->key;
        if (!a->sk && !a->sv) return;
    } break;
    default: break;
    }
    x->first = x->tasks / batch;
}

static Step *add_step(Lower *l, int kernel, int64_t tasks, const char *kind) {
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

static void use(Lower *l, Step *x, uint32_t m) {
    CHECK(x->n_args < LRT_MAX_ARGS);
    x->args[x->n_args++] = m;
    Mem *y = &l->s->mems[m];
    int now = (int)(x - l->s->steps);
    bool again = false; /* q, k and v may be one tensor */
    for (int i = 0; i + 1 < x->n_args; i++) again |= x->args[i] == m;
    if (y->first < 0) y->first = now;
    y->last = now;
    if (!again) x->bytes += (double)y->bytes;
}
static void use_tensor(Lower *l, Step *x, TensorId t) { use(l, x, mem(l, t)); }

static void need_scratch(Lower *l, int64_t bytes) {
    bytes = (bytes + 63) / 64 * 64 + 64;
    if (bytes > l->s->scratch_bytes) l->s->scratch_bytes = bytes;
}

/* ---- conv2d, dense ---- */

static void image_of(const Shape *s, int64_t *b, int64_t *h, int64_t *w) {
    *b = s->dim[0];
    *h = s->rank == 4 ? s->dim[1] : 1;
    *w = s->rank == 4 ? s->dim[2] : s->rank == 3 ? s->dim[1] : 1;
}

Contract contract_of(const Graph *g, const Op *o) {
    Contract c;
    memset(&c, 0, sizeof c);
    const ContractAttr *a = &o->attr.contract;
    const Shape *x = &tensor(g, o->in[SLOT_X])->shape, *y = &tensor(g, o->out)->shape, *k = &tensor(g, o->in[SLOT_KERNEL])->shape;
    image_of(x, &c.batch, &c.h, &c.w);
    image_of(y, &c.batch, &c.oh, &c.ow);
    c.upsample = o->kind == OP_CONV2D ? a->upsample : 1;
    c.h *= c.upsample;
    c.w *= c.upsample;
    c.c1 = shape_channels(x);
    c.c2 = tensor_ok(o->in[SLOT_X2]) ? shape_channels(&tensor(g, o->in[SLOT_X2])->shape) : 0;
    c.co = shape_channels(y);
    c.kh = o->kind == OP_CONV2D ? (int)k->dim[0] : 1;
    c.kw = o->kind == OP_CONV2D ? (int)k->dim[1] : 1;
    c.stride = o->kind == OP_CONV2D ? a->stride : 1;
    c.pad_top = o->kind == OP_CONV2D ? a->pad_top : 0;
    c.pad_left = o->kind == OP_CONV2D ? a->pad_left : 0;
    /* a 1x1 window that reaches into padding is no plain product */
    c.pre = a->pre;
    c.act = a->act;
    c.eps = a->pre == PRE_LAYER_NORM ? a->eps : 0;
    c.has_bias = tensor_ok(o->in[SLOT_BIAS]);
    c.has_vec = tensor_ok(o->in[SLOT_VEC]);
    c.has_res = tensor_ok(o->in[SLOT_RES]);
    c.x_shared = c.batch > 1 && x->dim[0] == 1;
    c.x2_shared = c.c2 && c.batch > 1 && tensor(g, o->in[SLOT_X2])->shape.dim[0] == 1;
    c.res_shared = c.has_res && c.batch > 1 && tensor(g, o->in[SLOT_RES])->shape.dim[0] == 1;
    if (c.has_vec) {
        const Shape *v = &tensor(g, o->in[SLOT_VEC])->shape;
        c.vec_batch = (int)v->dim[0];
        c.vec_width = shape_channels(v);
        c.vec_off = a->vec_off;
    }
    c.ldy = c.co;
    return c;
}

char *contract_shape(Arena *a, const Contract *c) {
    char *second = c->c2 ? arena_printf(a, "+%lld", (long long)c->c2) : "";
    if (c->kh * c->kw == 1 && c->stride == 1)
        return arena_printf(a, "%lld x %lld%s -> %lld", (long long)(c->batch * c->oh * c->ow), (long long)c->c1, second, (long long)contract_columns(c));
    return arena_printf(a, "%lld x %lldx%lld x %lld%s -> %lldx%lld x %lld", (long long)c->batch, (long long)(c->h / c->upsample), (long long)(c->w / c->upsample),
                        (long long)c->c1, second, (long long)c->oh, (long long)c->ow, (long long)c->co);
}

void contract_name(const Contract *c, Buf *b) {
    static const char *const pre[] = {"", " norm", " norm+swish", " layernorm", " swish"};
    static const char *const act[] = {"", " +swish", " +gelu", " +gelu", " +geglu", " +geglu"};
    if (c->kh * c->kw == 1) buf_printf(b, "dense");
    else buf_printf(b, "conv%dx%d", c->kh, c->kw);
    if (c->stride != 1) buf_printf(b, "/%d", c->stride);
    if (c->winograd) buf_printf(b, " %s", winograd_name(c));
    if (c->bf16) buf_printf(b, " bf16");
    if (c->upsample != 1 && !(c->winograd && winograd_form(c)->upsample > 1)) buf_printf(b, " upsample");
    buf_printf(b, "%s%s%s%s%s%s", pre[c->pre], c->c2 ? " concat" : "", c->has_vec ? " +vec" : "", act[c->act], c->has_res ? " +res" : "",
               c->has_sums ? " +sums" : "");
}

static void use_operands(Lower *l, Step *x, const Op *o) {
    use_tensor(l, x, o->in[SLOT_X]);
    if (tensor_ok(o->in[SLOT_X2])) use_tensor(l, x, o->in[SLOT_X2]);
}

static void use_rest(Lower *l, Step *x, const Op *o, const int *slots, int n) {
    for (int i = 0; i < n; i++)
        if (tensor_ok(o->in[slots[i]])) use_tensor(l, x, o->in[slots[i]]);
}
static const int norm_slots[] = {SLOT_NORM, SLOT_LN_GAMMA, SLOT_LN_BETA}, epilogue_slots[] = {SLOT_VEC, SLOT_RES};

/* The step that stages the strips; returns them. */
static uint32_t lower_contract_load(Lower *l, const Op *o, const Contract *c) {
    Contract load = *c; /* convolutions that differ only in what follows the products share this kernel */
    load.act = ACT_NONE;
    load.y_bf16 = load.past_caches = load.has_bias = load.has_vec = load.has_res = load.res_shared = load.kernels = load.has_sums = 0;
    const char *kind = c->winograd ? "winograd inputs" : c->flat ? "dense inputs" : "conv inputs";
    Step *x = add_step(l, kernel_get(l->p, KERNEL_CONTRACT_LOAD, &load, sizeof load, kind), contract_load_tasks(c), kind);
    use_operands(l, x, o);
    use_rest(l, x, o, norm_slots, 3);
    uint32_t strips = temp(l, contract_staged_floats(c));
    use(l, x, strips);
    return strips;
}

/* The step that transforms kernels which are stored plain; returns the panels. */
static uint32_t lower_unpack(Lower *l, const Op *o, const Contract *c) {
    Contract plain = *c, packed_now = *c;
    plain.act = plain.pre = ACT_NONE;
    plain.x_bf16 = plain.y_bf16 = plain.past_caches = plain.has_bias = plain.has_vec = plain.has_res = plain.res_shared = plain.has_sums = 0;
    packed_now.kernels = KERNELS_PACKED;
    uint32_t from = packed(l, PACK_PANELS, o->in[SLOT_KERNEL], c), to = temp(l, contract_panel_floats(&packed_now));
    Step *x = add_step(l, kernel_get(l->p, KERNEL_UNPACK, &plain, sizeof plain, "winograd kernels"), winograd_unpack_tasks(c), "winograd kernels");
    use(l, x, from);
    use(l, x, to);
    return to;
}

/* Is the result normalised by groups, in the same plan? */
static bool feeds_group_norm(const Lower *l, const Op *o) {
    for (uint32_t i = 0; i < l->g->n_ops; i++) {
        const Op *u = &l->g->ops[i];
        for (int n = 0; n <= 3 && u->kind == OP_GROUP_SCALE && l->plan_of[i] == l->plan; n += 3)
            if (tensor_ok(u->in[n]) && tensor_eq(root(l->g, u->in[n]), o->out)) return true;
    }
    return false;
}

/* A line that is overwritten as a whole would be read first. By the time a result so large is used, its lines would have left all caches. */
static bool passes_caches(const Lower *l, const Op *o) {
    enum { LARGE = 64 << 20, LINE_FLOATS = 16 };
    bool lines = l->p->target->lanes == LINE_FLOATS && shape_channels(&tensor(l->g, o->out)->shape) % LINE_FLOATS == 0;
    return lines && tensor_bytes(l->g, o->out) >= LARGE && !l->bf16[o->out.id] && output_index(l->g, o->out) < 0;
}

/* Sums are gathered beside the results where a strip has pixels of one image, and is worth a row of sums. */
static Contract planned(const Lower *l, const Op *o) {
    enum { FEWEST_PIXELS = 1024 }; /* of an image; of smaller ones products take all images together, and sums no time */
    ConvMode form = l->form_of[o - l->g->ops];
    const Shape *y = &tensor(l->g, o->out)->shape;
    for (int sums = shape_rows(y) >= FEWEST_PIXELS && feeds_group_norm(l, o);; sums = 0) {
        Contract c = contract_of(l->g, o);
        c.bf16 = contract_bf16(form, l->p->bf16);
        c.has_sums = sums;
        c.x_bf16 = l->bf16[root(l->g, o->in[SLOT_X]).id];
        c.y_bf16 = l->bf16[o->out.id];
        c.past_caches = passes_caches(l, o);
        contract_plan(&c, l->p->target, form);
        if (!sums || (c.images == 1 && c.co % c.lanes == 0)) return c;
    }
}

static void lower_contract(Lower *l, const Op *o) {
    Contract c = planned(l, o);
    Buf kind = {0};
    contract_name(&c, &kind);
    uint32_t strips = c.staged ? lower_contract_load(l, o, &c) : 0, panels;
    if (c.kernels == KERNELS_UNPACKED) {
        panels = lower_unpack(l, o, &c);
        c.kernels = KERNELS_PACKED; /* as the products see them */
    } else {
        panels = packed(l, PACK_PANELS, o->in[SLOT_KERNEL], &c);
    }
    int kernel = kernel_get(l->p, KERNEL_CONTRACT, &c, sizeof c, kind.data);
    Step *x = add_step(l, kernel, contract_tasks(&c), kind.data);
    buf_free(&kind);
    need_scratch(l, contract_scratch(&c));
    if (c.staged) use(l, x, strips);
    else use_operands(l, x, o);
    use(l, x, panels);
    if (c.has_bias) use(l, x, packed(l, PACK_BIAS, o->in[SLOT_BIAS], &c));
    if (!c.staged) use_rest(l, x, o, norm_slots, 3);
    use_rest(l, x, o, epilogue_slots, 2);
    use_tensor(l, x, o->out);
    if (c.has_sums) {
        TensorSums *t = &l->sums_of[o->out.id];
        t->sums = sums_of_contract(&c);
        t->mem = temp(l, sums_floats(&t->sums)) + 1;
        t->plan = l->plan;
        use(l, x, t->mem - 1);
    }
    x->flops = 2.0 * (double)op_macs(l->g, o);
    x->done = contract_flops(&c);
    x->bf16 = c.bf16;
}

/* ---- the rest ---- */

static void lower_map(Lower *l, const Op *o, Map m, const TensorId *operands, int n, const char *kind) {
    map_plan(&m);
    Step *x = add_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, kind), map_tasks(&m), kind);
    for (int i = 0; i < n; i++) use_tensor(l, x, operands[i]);
    use_tensor(l, x, o->out);
}

/* Rows and channels of a result, everything else zero. */
static Map map_of(const Lower *l, const Op *o, MapKind kind) {
    Map m;
    memset(&m, 0, sizeof m);
    const Shape *y = &tensor(l->g, o->out)->shape;
    m.kind = kind;
    m.c = shape_channels(y);
    m.rows = shape_count(y) / m.c;
    return m;
}

/* Sums of t: its producer's, or those of a step of their own, once. */
static const TensorSums *sums_of(Lower *l, TensorId t) {
    TensorSums *x = &l->sums_of[root(l->g, t).id];
    const Shape *s = &tensor(l->g, t)->shape;
    if (x->mem && x->plan == l->plan) return x; /* another plan's are gone */
    x->plan = l->plan;
    x->sums = sums_of_rows(s->dim[0], shape_rows(s), shape_channels(s));
    x->mem = temp(l, sums_floats(&x->sums)) + 1;
    Step *step = add_step(l, kernel_get(l->p, KERNEL_SUMS, &x->sums, sizeof x->sums, "groupnorm sums"), x->sums.batch * x->sums.blocks, "groupnorm sums");
    use_tensor(l, step, t);
    use(l, step, x->mem - 1);
    return x;
}

static uint32_t lower_group_scale(Lower *l, const Op *o, uint32_t result) {
    GroupFinish g;
    memset(&g, 0, sizeof g);
    const TensorSums *sums[2] = {sums_of(l, o->in[0]), o->kind == OP_GROUP_SCALE && tensor_ok(o->in[3]) ? sums_of(l, o->in[3]) : NULL};
    g.batch = tensor(l->g, o->out)->shape.dim[0];
    g.groups = o->attr.norm.groups;
    g.eps = o->attr.norm.eps;
    for (int i = 0; i < 2 && sums[i]; i++) g.part[i] = sums[i]->sums;
    Step *s = add_step(l, kernel_get(l->p, KERNEL_GROUP_FINISH, &g, sizeof g, "groupnorm scale"), g.batch * g.groups, "groupnorm scale");
    for (int i = 0; i < 2 && sums[i]; i++) use(l, s, sums[i]->mem - 1);
    use_tensor(l, s, o->in[1]);
    use_tensor(l, s, o->in[2]);
    use(l, s, result);
    return result;
}

static void lower_group_norm(Lower *l, const Op *o) {
    Map m = map_of(l, o, MAP_AFFINE);
    const Shape *x = &tensor(l->g, o->in[0])->shape;
    uint32_t scale = lower_group_scale(l, o, temp(l, x->dim[0] * 2 * m.c));
    m.rows_per_batch = shape_rows(x);
    map_plan(&m);
    Step *s = add_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, "groupnorm apply"), map_tasks(&m), "groupnorm apply");
    use_tensor(l, s, o->in[0]);
    use(l, s, scale);
    use_tensor(l, s, o->out);
}

static void lower_add(Lower *l, const Op *o) {
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
static int64_t batch_step(const Shape *s) { return s->dim[0] == 1 ? 0 : shape_count(s) / s->dim[0]; }

static Attention attention_of(const Lower *l, const Op *o) {
    Attention a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *q = &tensor(l->g, o->in[0])->shape, *k = &tensor(l->g, o->in[1])->shape, *v = &tensor(l->g, o->in[2])->shape;
    a = (Attention){.batch = tensor(l->g, o->out)->shape.dim[0], .n = shape_rows(q), .m = shape_rows(k), .heads = t->heads, .head_size = t->head_size,
                    .ldq = shape_channels(q), .ldk = shape_channels(k), .ldv = shape_channels(v),
                    .ldy = shape_channels(&tensor(l->g, o->out)->shape), .q_off = t->q_off, .k_off = t->k_off, .v_off = t->v_off,
                    .sq = batch_step(q), .sk = batch_step(k), .sv = batch_step(v), .scale = t->scale, .causal = t->causal, .bf16 = l->p->bf16};
    a.y_bf16 = l->bf16[o->out.id];
    attention_plan(&a, l->p->target);
    return a;
}

/* Keys and values of attention o, packed as soon as both exist: in the plan of the later one. */
static void lower_attention_pack(Lower *l, const Op *o) {
    Attention a = attention_of(l, o);
    AttentionPack *p = &l->pack_of[o - l->g->ops];
    p->keys = plan_mem(l, attention_key_floats(&a) * 4, l->plan, l->plan != l->plan_of[o - l->g->ops]);
    p->values = plan_mem(l, attention_value_floats(&a) * 4, l->plan, l->plan != l->plan_of[o - l->g->ops]);
    const Op *attending = l->op;
    l->op = o;
    Step *x = add_step(l, kernel_get(l->p, KERNEL_ATTENTION_PACK, &a, sizeof a, "attention pack"), attention_pack_tasks(&a), "attention pack");
    l->op = attending;
    use_tensor(l, x, o->in[1]);
    use_tensor(l, x, o->in[2]);
    use(l, x, p->keys);
    use(l, x, p->values);
}

static void lower_attention(Lower *l, const Op *o) {
    Attention a = attention_of(l, o);
    const AttentionPack *p = &l->pack_of[o - l->g->ops];
    if (p->after == NO_OP_INDEX) lower_attention_pack(l, o);
    need_scratch(l, attention_scratch(&a));
    const char *kind = a.causal ? "attention causal" : a.bf16 ? "attention bf16" : "attention";
    Step *x = add_step(l, kernel_get(l->p, KERNEL_ATTENTION, &a, sizeof a, kind), attention_tasks(&a), kind);
    use_tensor(l, x, o->in[0]);
    use(l, x, p->keys);
    use(l, x, p->values);
    use_tensor(l, x, o->out);
    x->flops = x->done = 2.0 * (double)op_macs(l->g, o);
    x->bf16 = a.bf16;
}

static void lower_attn_part(Lower *l, const Op *o) {
    AttnPart a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *x = &tensor(l->g, o->in[0])->shape, *y = &tensor(l->g, o->in[1])->shape, *r = &tensor(l->g, o->out)->shape;
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
    need_scratch(l, attn_part_scratch(&a, l->p->target));
    const char *kind = a.av ? "attention av" : "attention scores";
    Step *s = add_step(l, kernel_get(l->p, KERNEL_ATTN_PART, &a, sizeof a, kind), attn_part_tasks(&a, l->p->target), kind);
    for (int i = 0; i < 2; i++) use_tensor(l, s, o->in[i]);
    use_tensor(l, s, o->out);
    s->flops = s->done = 2.0 * (double)op_macs(l->g, o);
}

static void lower_op(Lower *l, const Op *o) {
    Map m = o->kind == OP_RESHAPE ? (Map){0} : map_of(l, o, MAP_COPY);
    const Shape *x = &tensor(l->g, o->in[0])->shape;
    switch (o->kind) {
    case OP_CONV2D: case OP_DENSE: lower_contract(l, o); return;
    case OP_GROUP_NORM: lower_group_norm(l, o); return;
    case OP_GROUP_SCALE: lower_group_scale(l, o, mem(l, o->out)); return;
    case OP_ADD: lower_add(l, o); return;
    case OP_ATTENTION: lower_attention(l, o); return;
    case OP_ATTN_QK: case OP_ATTN_AV: lower_attn_part(l, o); return;
    case OP_RESHAPE: return;
    case OP_SWISH: m.kind = MAP_SWISH; break;
    case OP_GELU: m.kind = o->attr.gelu.kind == GELU_TANH ? MAP_GELU_TANH : MAP_GELU_ERF; break;
    case OP_GEGLU: m.kind = o->attr.gelu.kind == GELU_TANH ? MAP_GEGLU_TANH : MAP_GEGLU_ERF; break;
    case OP_SCALE: m.kind = MAP_SCALE; m.value = o->attr.scale.factor; break;
    case OP_CONCAT:
        m.kind = MAP_CONCAT;
        m.c1 = shape_channels(x);
        m.x_rows = shape_count(x) / m.c1;
        m.y_rows = shape_count(&tensor(l->g, o->in[1])->shape) / (m.c - m.c1);
        lower_map(l, o, m, o->in, 2, "concat");
        return;
    case OP_BROADCAST: m.kind = MAP_BROADCAST; m.x_rows = shape_count(x) / m.c; break;
    case OP_UPSAMPLE: m.kind = MAP_UPSAMPLE; m.h = 2 * x->dim[1]; m.w = 2 * x->dim[2]; break;
    case OP_SLICE: m.kind = MAP_SLICE; m.c1 = shape_channels(x); m.offset = o->attr.slice.begin; break;
    case OP_EMBEDDING:
        m.kind = MAP_EMBEDDING;
        m.table_rows = tensor(l->g, o->in[1])->shape.dim[0];
        lower_map(l, o, m, o->in, 2, "embedding");
        return;
    case OP_LAYER_NORM: m.kind = MAP_LAYER_NORM; m.value = o->attr.norm.eps; lower_map(l, o, m, o->in, 3, "layernorm"); return;
    case OP_SOFTMAX: m.kind = MAP_SOFTMAX; break;
    case OP_COUNT: die("lower: no such op");
    }
    lower_map(l, o, m, o->in, 1, op_names[o->kind]);
}

/* ---- plans and buffers ---- */

static int plan_of_binding(const Program *p, Binding b) {
    if (!(p->fuse & FUSE_HOIST)) return PLAN_STEP;
    return b == BIND_STEP ? PLAN_STEP : b == BIND_TIME ? PLAN_TIME : PLAN_PROMPT;
}

/* The plan in which op k reads operand n: attention reads keys and values when they are packed. */
static int reading_plan(const Lower *l, uint32_t k, int n) {
    int after = l->pack_of[k].after;
    return l->g->ops[k].kind == OP_ATTENTION && n > 0 && after != NO_OP_INDEX ? l->plan_of[after] : l->plan_of[k];
}

/* Does the result of op i leave its plan? */
static bool crosses(const Lower *l, uint32_t i) {
    TensorId t = l->g->ops[i].out;
    for (uint32_t k = i + 1; k < l->g->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++)
            if (tensor_ok(l->g->ops[k].in[n]) && tensor_eq(root(l->g, l->g->ops[k].in[n]), t) && reading_plan(l, k, n) != l->plan_of[i] &&
                l->g->ops[k].kind != OP_RESHAPE)
                return true;
    return false;
}

/* The later producer, in the order of lowering, of an attention's keys and values. */
static void find_packs(Lower *l) {
    for (uint32_t i = 0; i < l->g->n_ops; i++) {
        l->pack_of[i].after = NO_OP_INDEX;
        for (int n = 1; n <= 2 && l->g->ops[i].kind == OP_ATTENTION; n++) {
            const Tensor *x = tensor(l->g, root(l->g, l->g->ops[i].in[n]));
            if (x->kind != T_TEMP) continue;
            int made = (int)x->producer.id - 1, *after = &l->pack_of[i].after;
            bool later = *after == NO_OP_INDEX || l->plan_of[made] > l->plan_of[*after] || (l->plan_of[made] == l->plan_of[*after] && made > *after);
            if (later) *after = made;
        }
    }
}

/* Results that nothing but products reads, which round them anyway, are stored as bf16: the same numbers in half of the memory. Of GEGLU and other
 * products, and of attention, with whole vectors of channels. */
static bool stored_bf16(const Lower *l, uint32_t i) {
    const Op *o = &l->g->ops[i];
    int64_t channels = o->kind == OP_ATTENTION ? o->attr.attn.head_size : shape_channels(&tensor(l->g, o->out)->shape);
    if (!l->p->bf16 || (o->kind != OP_DENSE && o->kind != OP_ATTENTION) || channels % l->p->target->lanes != 0 || output_index(l->g, o->out) >= 0) return false;
    bool read = false;
    for (uint32_t k = i + 1; k < l->g->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++) {
            const Op *u = &l->g->ops[k];
            if (u->kind == OP_RESHAPE || !tensor_ok(u->in[n]) || !tensor_eq(root(l->g, u->in[n]), o->out)) continue;
            if (u->kind != OP_DENSE || n != SLOT_X || tensor_ok(u->in[SLOT_X2]) || u->attr.contract.pre != PRE_NONE) return false;
            read = true;
        }
    return read;
}

static void place_result(Lower *l, uint32_t i) {
    const Op *o = &l->g->ops[i];
    if (o->kind == OP_RESHAPE) return;
    int64_t bytes = tensor_bytes(l->g, o->out) / (l->bf16[o->out.id] ? 2 : 1);
    int out = output_index(l->g, o->out);
    uint32_t m;
    if (out >= 0) {
        m = add_mem(l->s, bytes, LRT_BUF_IO + l->g->n_inputs + (uint32_t)out, 0);
    } else {
        m = plan_mem(l, bytes, l->plan_of[i], crosses(l, i));
    }
    l->mem_of[o->out.id] = m + 1;
}

/* Outputs that are inputs or weights, or that share memory with an earlier output, are copied at the end. */
static void copy_outputs(Lower *l) {
    for (uint32_t i = 0; i < l->g->n_outputs; i++) {
        TensorId t = root(l->g, l->g->outputs[i]);
        if (tensor(l->g, t)->kind == T_TEMP && output_index(l->g, t) == (int)i) continue;
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
        Step *x = add_step(l, kernel_get(l->p, KERNEL_MAP, &m, sizeof m, "copy"), map_tasks(&m), "copy");
        use(l, x, from);
        use(l, x, add_mem(l->s, tensor_bytes(l->g, t), LRT_BUF_IO + l->g->n_inputs + i, 0));
    }
}

Stage *lower(Program *p, Graph *g) {
    Lower l = {.p = p, .g = g, .s = xcalloc(1, sizeof(Stage))};
    l.s->graph = g;
    l.batch = separate_batch(g);
    l.mem_of = xcalloc(g->n_tensors + 1, sizeof *l.mem_of);
    l.sums_of = xcalloc(g->n_tensors + 1, sizeof *l.sums_of);
    l.plan_of = xcalloc(g->n_ops + 1, sizeof *l.plan_of);
    l.form_of = xcalloc(g->n_ops + 1, sizeof *l.form_of);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        l.mem_of[g->inputs[i].id] = add_mem(l.s, tensor_bytes(g, g->inputs[i]), LRT_BUF_IO + i, 0) + 1;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        l.plan_of[i] = plan_of_binding(p, tensor(g, g->ops[i].out)->binding);
        if (output_index(g, root(g, g->ops[i].out)) >= 0) l.plan_of[i] = PLAN_STEP;
        for (int n = 0; n < SLOT_COUNT; n++) { /* never before an operand: outputs are computed in the step plan whatever their binding */
            const Tensor *x = tensor_ok(g->ops[i].in[n]) ? tensor(g, g->ops[i].in[n]) : NULL;
            if (x && x->kind == T_TEMP && l.plan_of[x->producer.id - 1] > l.plan_of[i]) l.plan_of[i] = l.plan_of[x->producer.id - 1];
        }
    }
    l.pack_of = xcalloc(g->n_ops + 1, sizeof *l.pack_of);
    find_packs(&l);
    l.bf16 = xcalloc(g->n_tensors + 1, sizeof *l.bf16);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        l.bf16[g->ops[i].out.id] = stored_bf16(&l, i);
        place_result(&l, i);
    }
    ConvChoice *choices;
    int n = choose_convolutions(g, p, &choices);
    for (uint32_t i = 0; i < g->n_ops; i++) l.form_of[i] = CONV_DIRECT;
    for (int i = 0; i < n; i++) l.form_of[choices[i].op] = choices[i].form[choices[i].chosen];
    free(choices);
    for (l.plan = 0; l.plan < PLAN_COUNT; l.plan++)
        for (uint32_t i = 0; i < g->n_ops; i++)
            if (l.plan_of[i] == l.plan) {
                l.op = &g->ops[i];
                lower_op(&l, l.op);
                for (uint32_t k = 0; k < g->n_ops; k++)
                    if (l.pack_of[k].after == (int)i) lower_attention_pack(&l, &g->ops[k]);
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
