/* Tables of attributes: see attr.h. */
#include "attr.h"

#include <string.h>

static const char *const pre_names[] = {"none", "affine", "affine_swish", "layer_norm", "swish"};
static const char *const act_names[] = {"none",     "swish",      "gelu_tanh",
                                        "gelu_erf", "geglu_tanh", "geglu_erf"};
static const char *const gelu_names[] = {"tanh", "erf"};

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
    {"pre", AT(contract.pre), ATTR_ENUM, 0, PRE_NONE, pre_names, COUNT(pre_names), 0, 0, 0},
    {"act", AT(contract.act), ATTR_ENUM, 0, ACT_NONE, act_names, COUNT(act_names), 0, 0, 0},
    {"eps", AT(contract.eps), ATTR_REAL, 0, 0, NULL, 0, 0, 1, 0},
    {"vec_off", AT(contract.vec_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_NormAttr[] = {
    {"groups", AT(norm.groups), ATTR_INT, 0, 1, NULL, 0, 1, 1 << 20, GIVEN},
    {"eps", AT(norm.eps), ATTR_REAL, NEEDED, 0, NULL, 0, 0, 1, GIVEN},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_GeluAttr[] = {
    {"kind", AT(gelu.kind), ATTR_ENUM, NEEDED, 0, gelu_names, COUNT(gelu_names), 0, 0, GIVEN},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_ScaleAttr[] = {
    {"factor", AT(scale.factor), ATTR_REAL, NEEDED, 1, NULL, 0, -1e30, 1e30, GIVEN},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_SliceAttr[] = {
    {"begin", AT(slice.begin), ATTR_I64, 0, 0, NULL, 0, 0, BIG, GIVEN},
    {"end", AT(slice.end), ATTR_I64, NEEDED, 0, NULL, 0, 1, BIG, GIVEN},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_BatchAttr[] = {
    {"batch", AT(broadcast.batch), ATTR_I64, NEEDED, 1, NULL, 0, 1, BIG, GIVEN},
};
/* clang-format on */
/* clang-format off */
static const AttrField fields_AttnAttr[] = {
    {"heads", AT(attn.heads), ATTR_INT, NEEDED, 1, NULL, 0, 1, 1 << 20, GIVEN},
    {"head_size", AT(attn.head_size), ATTR_I64, NEEDED, 1, NULL, 0, 1, BIG, GIVEN},
    {"scale", AT(attn.scale), ATTR_REAL, 0, 1, NULL, 0, -1e30, 1e30, GIVEN},
    {"causal", AT(attn.causal), ATTR_INT, 0, 0, NULL, 0, 0, 1, GIVEN},
    {"q_off", AT(attn.q_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"k_off", AT(attn.k_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
    {"v_off", AT(attn.v_off), ATTR_I64, 0, 0, NULL, 0, 0, BIG, 0},
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
    N_AttnAttr = COUNT(fields_AttnAttr),
    N_NoAttr = 0
};

/* clang-format off */
const AttrTable attr_tables[OP_COUNT] = {
#define OP(e, name, attr, lo, hi) [OP_##e] = {fields_##attr, N_##attr},
#include "ops.def"
#undef OP
};
/* clang-format on */

/* clang-format off */
const struct OpArity op_arity[OP_COUNT] = {
#define OP(e, name, attr, lo, hi) [OP_##e] = {lo, hi},
#include "ops.def"
#undef OP
};
/* clang-format on */

/* clang-format off */
const char *const slot_names[SLOT_COUNT] = {
    [SLOT_X] = "x", [SLOT_KERNEL] = "kernel", [SLOT_BIAS] = "bias", [SLOT_X2] = "x2", [SLOT_NORM] = "norm",
    [SLOT_LN_GAMMA] = "ln_gamma", [SLOT_LN_BETA] = "ln_beta", [SLOT_VEC] = "vec", [SLOT_RES] = "res",
};
/* clang-format on */

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
    default: return ((const int *)(const void *)p)[index];
    }
}

void attr_set(Op *o, const AttrField *f, int index, double value)
{
    char *p = (char *)o + f->offset;
    switch (f->type) {
    case ATTR_I64: *(int64_t *)(void *)p = (int64_t)value; break;
    case ATTR_REAL: *(double *)(void *)p = value; break;
    default: ((int *)(void *)p)[index] = (int)value;
    }
}

bool attr_is_default(const Op *o, const AttrField *f)
{
    for (int i = 0; i < (f->type == ATTR_PAD ? 4 : 1); i++)
        if (attr_get(o, f, i) != f->fallback)
            return false;
    return true;
}
