/* Lowering of GroupNorm and of ranges: both finish sums that a tensor's producer gathers, or a step
 * of its own. */
#include "lower_norm.h"
#include <string.h>

/* Do ranges depend on t? */
static bool bounds_of(const Lower *l, TensorId t)
{
    for (uint32_t i = 0; i < l->g->n_ops; i++)
        if (l->g->ops[i].kind == OP_RANGE && lower_summed_by(l->g, &l->g->ops[i], t))
            return true;
    return false;
}

/* Sums of t: from its producer, or from a step of their own. Several norms of one plan share them;
 * another plan's memory is in use for other values by now. Sums of a cached value are cached too.
 */
static const TensorSums *sums_of(Lower *l, TensorId t)
{
    TensorSums *x = &l->sums_of[tensor_root(l->g, t).id];
    const Shape *s = &tensor(l->g, t)->shape;
    if (x->mem && lower_together(x->plan, l->plan))
        return x;
    int reading = l->plan;
    x->plan = l->plan = lower_sums_plan(l, t);
    x->sums = sums_of_rows(s->dim[0], shape_rows(s), shape_channels(s));
    x->sums.bounds = bounds_of(l, t);
    x->mem = lower_sums_mem(l, t, &x->sums) + 1;
    Step *step = lower_step(l, program_kernel(l->p, KERNEL_SUMS, &x->sums, "groupnorm sums"),
                            x->sums.batch * x->sums.blocks, "groupnorm sums");
    lower_use_tensor(l, step, t);
    lower_use(l, step, x->mem - 1);
    l->plan = reading;
    return x;
}

/* The sums of both operands of an op that reads them; of the second one NULL where it has none. */
typedef struct {
    const TensorSums *of[2];
} PairSums;

static PairSums sums_of_operands(Lower *l, const Op *o, bool concat)
{
    PairSums s = {{sums_of(l, o->in[SLOT_X])}};
    if (concat && tensor_ok(o->in[SLOT_X2]))
        s.of[1] = sums_of(l, o->in[SLOT_X2]);
    return s;
}

static void use_sums(Lower *l, Step *x, const PairSums *s)
{
    for (int i = 0; i < 2 && s->of[i]; i++)
        lower_use(l, x, s->of[i]->mem - 1);
}

/* The step that computes factors and summands to `result`. */
static void finish_norm(Lower *l, const Op *o, uint32_t result)
{
    GroupFinish g;
    memset(&g, 0, sizeof g);
    const PairSums sums = sums_of_operands(l, o, o->kind == OP_GROUP_SCALE);
    g.batch = tensor(l->g, o->out)->shape.dim[0];
    g.groups = o->attr.norm.groups;
    g.eps = o->attr.norm.eps;
    for (int i = 0; i < 2 && sums.of[i]; i++)
        g.part[i] = sums.of[i]->sums;
    Step *s = lower_step(l, program_kernel(l->p, KERNEL_GROUP_FINISH, &g, "groupnorm scale"),
                         g.batch * g.groups, "groupnorm scale");
    use_sums(l, s, &sums);
    lower_use_tensor(l, s, o->in[1]);
    lower_use_tensor(l, s, o->in[2]);
    lower_use(l, s, result);
}

void lower_group_scale(Lower *l, const Op *o) { finish_norm(l, o, lower_operand(l, o->out)); }

void lower_group_norm(Lower *l, const Op *o)
{
    const Shape *x = &tensor(l->g, o->in[0])->shape;
    uint32_t scale = lower_temp(l, x->dim[0] * 2 * shape_channels(x));
    finish_norm(l, o, scale);
    Map m;
    memset(&m, 0, sizeof m);
    m.kind = MAP_AFFINE;
    m.c = shape_channels(x);
    m.rows = shape_count(x) / m.c;
    m.rows_per_batch = shape_rows(x);
    map_plan(&m);
    Step *s = lower_step(l, program_kernel(l->p, KERNEL_MAP, &m, "groupnorm apply"), map_tasks(&m),
                         "groupnorm apply");
    lower_use_tensor(l, s, o->in[0]);
    lower_use(l, s, scale);
    lower_use_tensor(l, s, o->out);
}

void lower_range(Lower *l, const Op *o)
{
    RangeFinish r;
    memset(&r, 0, sizeof r);
    const PairSums sums = sums_of_operands(l, o, true);
    r.batch = tensor(l->g, o->out)->shape.dim[0];
    r.pre = o->attr.range.pre;
    for (int i = 0; i < 2 && sums.of[i]; i++)
        r.part[i] = sums.of[i]->sums;
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_RANGE, &r, "range"), r.batch, "range");
    use_sums(l, x, &sums);
    if (tensor_ok(o->in[SLOT_NORM]))
        lower_use_tensor(l, x, o->in[SLOT_NORM]);
    lower_use_tensor(l, x, o->out);
}
