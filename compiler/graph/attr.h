/* The fields of every attribute struct, as tables. The printer, both parsers (text and JSON) and
 * the defaults come from them. */
#ifndef LATENTC_ATTR_H
#define LATENTC_ATTR_H
#include "ir.h"
typedef enum {
    ATTR_INT,  /* int */
    ATTR_I64,  /* int64_t */
    ATTR_REAL, /* double */
    ATTR_ENUM, /* int, written as one of names[] */
    ATTR_PAD   /* four ints: top, bottom, left, right */
} AttrType;

typedef struct {
    const char *name;
    /* in an Op */
    size_t offset;
    AttrType type;
    /* always printed, and needed by the parsers */
    bool required;
    /* its value when it is not written; not for required ones */
    double fallback;
    /* ATTR_ENUM: n_names of them, index = value */
    const char *const *names;
    int n_names;
    /* bounds of the value, inclusive */
    double least, most;
    /* may stand in graph files; the others are set by passes */
    bool source;
} AttrField;

typedef struct {
    const AttrField *fields;
    int n;
} AttrTable;

/* The attributes of every kind of op. */
extern const AttrTable attr_tables[OP_COUNT];

/* Names of the operand slots of conv2d, dense and range. */
extern const char *const slot_names[SLOT_COUNT];

/* Fewest and most operands. */
extern const struct OpArity {
    int least, most;
} op_arity[OP_COUNT];

/* The op is a product with slots, prologue and activation. */
static inline bool op_is_contract(OpKind k) { return k == OP_CONV2D || k == OP_DENSE; }

/* Its operands stand in the slots of slots.def. */
static inline bool op_has_slots(OpKind k) { return op_is_contract(k) || k == OP_RANGE; }

/* The attribute of that name; NULL when the op has none. */
const AttrField *attr_find(OpKind k, const char *name);

/* The value of an attribute. index: 0, or 0..3 for ATTR_PAD. */
double attr_get(const Op *o, const AttrField *f, int index);

/* Sets it; the value is not checked against the bounds. */
void attr_set(Op *o, const AttrField *f, int index, double value);

/* Whether its value is the fallback. */
bool attr_is_default(const Op *o, const AttrField *f);

/* Whether graph files may give this attribute of an op of this kind. */
bool attr_in_file(OpKind k, const AttrField *f);

/* Whether they must. */
bool attr_needed(OpKind k, const AttrField *f);

/* The activation that the op computes; ACT_NONE for ops that are no activations. */
Activation op_activation(const Op *o);
#endif
