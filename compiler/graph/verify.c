/* The rules of a valid graph, as a table. Every rule looks at one op. A violation is a bug of
 * latentc: mistakes in graph files are reported while they are read. */
#include "verify.h"

#include "attr.h"
#include "infer.h"
#include "err.h"

typedef struct {
    const Graph *g;
    const bool *defined; /* [tensor id - 1] */
} Check;
typedef const char *VerifyRule(const Check *c, const Op *o);

static const char *operands_are_defined(const Check *c, const Op *o)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (!tensor_ok(o->in[i]))
            continue;
        if (o->in[i].id > c->g->n_tensors)
            return arena_printf(c->g->arena, "operand %d is no tensor", i + 1);
        if (tensor(c->g, o->in[i])->kind == T_TEMP && !c->defined[o->in[i].id - 1])
            return arena_printf(c->g->arena, "operand %d is used before it is computed", i + 1);
    }
    return NULL;
}

static const char *result_is_its_own(const Check *c, const Op *o)
{
    if (!tensor_ok(o->out) || o->out.id > c->g->n_tensors || tensor(c->g, o->out)->kind != T_TEMP)
        return "has no result";
    if (c->defined[o->out.id - 1])
        return "its result is computed by another op too";
    if (&c->g->ops[tensor(c->g, o->out)->producer.id - 1] != o)
        return "is not the producer of its result";
    return NULL;
}

static const char *attributes_are_in_range(const Check *c, const Op *o)
{
    for (int i = 0; i < attr_tables[o->kind].n; i++) {
        const AttrField *f = &attr_tables[o->kind].fields[i];
        for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1); k++) {
            double v = attr_get(o, f, k), least = f->names ? 0 : f->least,
                   most = f->names ? f->n_names - 1 : f->most;
            if (!(v >= least && v <= most))
                return arena_printf(c->g->arena, "%s is %g, expected %g to %g", f->name, v, least,
                                    most);
        }
    }
    return NULL;
}

static const char *shape_is_inferred(const Check *c, const Op *o)
{
    Shape s = tensor(c->g, o->out)->shape;
    const char *wrong = infer_shape(c->g, o, &s);
    if (!wrong && !shape_eq(&s, &tensor(c->g, o->out)->shape))
        wrong = arena_printf(c->g->arena, "has shape %s, its rule gives %s",
                             shape_text(c->g->arena, &tensor(c->g, o->out)->shape),
                             shape_text(c->g->arena, &s));
    return wrong;
}

static const char *binding_is_the_fastest_operands(const Check *c, const Op *o)
{
    const Tensor *t = tensor(c->g, o->out);
    if (t->binding == result_binding(c->g, o))
        return NULL;
    return t->binding == BIND_INTERVAL || c->g->cache_level
               ? "its result does not change as step caching says"
               : "its result does not change as often as its fastest operand";
}

/* Short steps read cached values, so these are computed values with memory of their own; and every
 * step computes the outputs. */
static const char *cached_values_are_stored(const Check *c, const Op *o)
{
    if (tensor(c->g, o->out)->cache && o->kind == OP_RESHAPE)
        return "a view is marked as cacheable";
    for (uint32_t i = 0; i < c->g->n_outputs; i++)
        if (tensor_cached(c->g, o->out) && tensor_eq(c->g->outputs[i], o->out))
            return "an output is cached";
    return NULL;
}

static const char *weights_have_their_parts(const Check *c, const Op *o)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        const Tensor *t = tensor_ok(o->in[i]) ? tensor(c->g, o->in[i]) : NULL;
        int64_t width = 0;
        if (!t || t->kind != T_WEIGHT)
            continue;
        for (int p = 0; p < t->n_parts; p++)
            width += t->parts[p].width;
        if (t->n_parts < 1 || width != shape_channels(&t->shape))
            return arena_printf(c->g->arena, "weight %s: its parts are not as wide as its shape",
                                t->name);
    }
    return NULL;
}

/* clang-format off */
static const struct { const char *name; VerifyRule *rule; } rules[] = {
    {"operands are defined before their use", operands_are_defined},
    {"every result has one producer", result_is_its_own},
    {"attributes are in range", attributes_are_in_range},
    {"shapes follow the ops' rules", shape_is_inferred},
    {"bindings follow the operands", binding_is_the_fastest_operands},
    {"cached values are stored", cached_values_are_stored},
    {"weights are as wide as their parts", weights_have_their_parts},
};
/* clang-format on */

void graph_verify(const Graph *g, const char *after)
{
    Arena *scratch = arena_new();
    bool *defined = arena_alloc(scratch, g->n_tensors + 1);
    Check c = {g, defined};
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        if (o->dead)
            continue;
        if (o->kind >= OP_COUNT)
            die("after %s: op %u has no kind", after, i);
        for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++) {
            const char *wrong = rules[k].rule(&c, o);
            if (wrong)
                die("after %s: %s (%s): %s [rule: %s]", after, o->path, op_names[o->kind], wrong,
                    rules[k].name);
        }
        defined[o->out.id - 1] = true;
    }
    if (g->n_outputs == 0)
        die("after %s: graph %s has no output", after, g->name);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (!tensor_ok(g->outputs[i]) ||
            (tensor(g, g->outputs[i])->kind == T_TEMP && !defined[g->outputs[i].id - 1]))
            die("after %s: output %s is not computed", after, g->output_names[i]);
    arena_free(scratch);
}
