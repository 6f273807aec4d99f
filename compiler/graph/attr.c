/* See attr.h. */
#include "attr.h"
#include "err.h"

#include <string.h>

static const char *const gelu_names[] = {
    [GELU_TANH] = "tanh", [GELU_ERF] = "erf", [GELU_QUICK] = "quick"};
_Static_assert(sizeof gelu_names / sizeof gelu_names[0] == GELU_COUNT, "a name is missing");

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define AT(member) offsetof(Op, attr.member)
enum { NEEDED = 1, GIVEN = 1 }; /* values of required and of source */
static const double BIG = 1ll << 40;

/* name, offset, type, required, fallback, names, count, least, most, source */
/* clang-format off */
static const AttrField fields_ContractAttr[] = {
    {"stride", AT(contract.stride), ATTR_INT, 0, 1, NULL, 0, 1, 16, GIVEN},
    {"pad", AT(contract.pad_top), ATTR_PAD, 0, 0, NULL, 0, 0, 64, GIVEN},
    {"upsample", AT(contract.upsample), ATTR_INT, 0, 1, NULL, 0, 1, 2, 0},
    {"pre", AT(contract.pre), ATTR_ENUM, 0, PRE_NONE, prologue_names, PRE_COUNT, 0, 0, 0},
    {"act", AT(contract.act), ATTR_ENUM, 0, ACT_NONE, activation_names, ACT_COUNT, 0, 0, 0},
    {"act_last", AT(contract.act_last), ATTR_INT, 0, 0, NULL, 0, 0, 1, 0},
    {"eps", AT(contract.eps), ATTR_REAL, 0, 0, NULL, 0, 0, 1, 0},
    {"vec_off", AT(contract.vec_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"quant", AT(contract.quant), ATTR_ENUM, 0, QUANT_NONE, quant_names, QUANT_COUNT, 0, 0, 0},
};
static const AttrField fields_NormAttr[] = {
    {"groups", AT(norm.groups), ATTR_INT, 0, 1, NULL, 0, 1, 1 << 20, GIVEN},
    {"eps", AT(norm.eps), ATTR_REAL, NEEDED, 0, NULL, 0, 0, 1, GIVEN},
};
static const AttrField fields_GeluAttr[] = {
    {"kind", AT(gelu.kind), ATTR_ENUM, NEEDED, 0, gelu_names, GELU_COUNT, 0, 0, GIVEN},
};
static const AttrField fields_ScaleAttr[] = {
    {"factor", AT(scale.factor), ATTR_REAL, NEEDED, 1, NULL, 0, -1e30, 1e30, GIVEN},
    {"shift", AT(scale.shift), ATTR_REAL, 0, 0, NULL, 0, -1e30, 1e30, GIVEN},
};
static const AttrField fields_SliceAttr[] = {
    {"begin", AT(slice.begin), ATTR_I64, 0, 0, NULL, 0, 0, BIG, GIVEN},
    {"end", AT(slice.end), ATTR_I64, NEEDED, 0, NULL, 0, 1, BIG, GIVEN},
};
static const AttrField fields_BatchAttr[] = {
    {"batch", AT(broadcast.batch), ATTR_I64, NEEDED, 1, NULL, 0, 1, BIG, GIVEN},
};
static const AttrField fields_UpsampleAttr[] = {
    {"height", AT(upsample.height), ATTR_I64, 0, 0, NULL, 0, 0, BIG, GIVEN},
    {"width", AT(upsample.width), ATTR_I64, 0, 0, NULL, 0, 0, BIG, GIVEN},
};
static const AttrField fields_AttnAttr[] = {
    {"heads", AT(attn.heads), ATTR_INT, NEEDED, 1, NULL, 0, 1, 1 << 20, GIVEN},
    {"head_size", AT(attn.head_size), ATTR_I64, NEEDED, 1, NULL, 0, 1, BIG, GIVEN},
    {"scale", AT(attn.scale), ATTR_REAL, 0, 1, NULL, 0, -1e30, 1e30, GIVEN},
    {"causal", AT(attn.causal), ATTR_INT, 0, 0, NULL, 0, 0, 1, GIVEN},
    {"q_off", AT(attn.q_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"k_off", AT(attn.k_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"v_off", AT(attn.v_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"quant", AT(attn.quant), ATTR_ENUM, 0, QUANT_NONE, quant_names, QUANT_COUNT, 0, 0, 0},
};
static const AttrField fields_RangeAttr[] = {
    {"pre", AT(range.pre), ATTR_ENUM, 0, PRE_NONE, prologue_names, PRE_COUNT, 0, 0, 0},
};
/* clang-format on */
static const AttrField fields_NoAttr[1]; /* none */
enum {
    N_ContractAttr = COUNT(fields_ContractAttr),
    N_NormAttr = COUNT(fields_NormAttr),
    N_GeluAttr = COUNT(fields_GeluAttr),
    N_ScaleAttr = COUNT(fields_ScaleAttr),
    N_SliceAttr = COUNT(fields_SliceAttr),
    N_BatchAttr = COUNT(fields_BatchAttr),
    N_UpsampleAttr = COUNT(fields_UpsampleAttr),
    N_AttnAttr = COUNT(fields_AttnAttr),
    N_RangeAttr = COUNT(fields_RangeAttr),
    N_NoAttr = 0
};

const AttrTable attr_tables[OP_COUNT] = {
#define OP(e, name, attr, ...) [OP_##e] = {fields_##attr, N_##attr},
#include "ops.def"
};

const struct OpArity op_arity[OP_COUNT] = {
#define OP(e, name, attr, least, most, ...) [OP_##e] = {least, most},
#include "ops.def"
};

const char *const slot_names[SLOT_COUNT] = {
#define SLOT(e, name) [SLOT_##e] = #name,
#include "slots.def"
};

const AttrField *attr_find(OpKind k, const char *name)
{
    for (int i = 0; i < attr_tables[k].n; i++)
        if (strcmp(attr_tables[k].fields[i].name, name) == 0)
            return &attr_tables[k].fields[i];
    return NULL;
}

double attr_get(const Op *o, const AttrField *f, int index)
{
    const char *p = (const char *)o + f->offset;
    switch (f->type) {
    case ATTR_I64: return (double)*(const int64_t *)(const void *)p;
    case ATTR_REAL: return *(const double *)(const void *)p;
    case ATTR_INT:
    case ATTR_ENUM:
    case ATTR_PAD: return ((const int *)(const void *)p)[index];
    }
    die("attribute %s has no type", f->name);
}

void attr_set(Op *o, const AttrField *f, int index, double value)
{
    char *p = (char *)o + f->offset;
    switch (f->type) {
    case ATTR_I64: *(int64_t *)(void *)p = (int64_t)value; break;
    case ATTR_REAL: *(double *)(void *)p = value; break;
    case ATTR_INT:
    case ATTR_ENUM:
    case ATTR_PAD: ((int *)(void *)p)[index] = (int)value; break;
    }
}

bool attr_is_default(const Op *o, const AttrField *f)
{
    for (int i = 0; i < (f->type == ATTR_PAD ? 4 : 1); i++)
        if (attr_get(o, f, i) != f->fallback)
            return false;
    return true;
}

bool attr_in_file(OpKind k, const AttrField *f)
{
    static const struct {
        OpKind kind;
        const char *name;
    } fixed[] = {{OP_LAYER_NORM, "groups"}, {OP_DENSE, "stride"}, {OP_DENSE, "pad"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].kind == k && strcmp(fixed[i].name, f->name) == 0)
            return false;
    return f->source;
}

bool attr_needed(OpKind k, const AttrField *f)
{
    return f->required || (k == OP_GROUP_NORM && strcmp(f->name, "groups") == 0);
}

Activation op_activation(const Op *o)
{
    static const Activation elementwise[OP_COUNT] = {
#define ELEMENTWISE(e, name, formula) [OP_##e] = ACT_##e,
#include "ops.def"
    }; /* all others: ACT_NONE, which is 0 */
    static const Activation gelu[GELU_COUNT] = {ACT_GELU_TANH, ACT_GELU_ERF, ACT_GELU_QUICK},
                            geglu[GELU_COUNT] = {ACT_GEGLU_TANH, ACT_GEGLU_ERF, ACT_GEGLU_QUICK};
    if (o->kind == OP_GELU)
        return gelu[o->attr.gelu.kind];
    if (o->kind == OP_GEGLU)
        return geglu[o->attr.gelu.kind];
    return elementwise[o->kind];
}
