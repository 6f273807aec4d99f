/* The fields of every attribute struct: printer, parsers (text and JSON) and defaults come from
 * these tables. */
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
    size_t offset; /* in Op.attr */
    AttrType type;
    bool required;            /* always printed, and asked for by the parsers */
    double fallback;          /* otherwise its value when not written */
    const char *const *names; /* ATTR_ENUM: n_names of them, index = value */
    int n_names;
    double least, most; /* bounds of the value, inclusive */
    bool source;        /* may stand in graph files; the others are set by passes */
} AttrField;
typedef struct {
    const AttrField *fields;
    int n;
} AttrTable;
extern const AttrTable attr_tables[OP_COUNT];
extern const char *const slot_names[SLOT_COUNT]; /* of conv2d and dense */
static inline bool op_is_contract(OpKind k) { return k == OP_CONV2D || k == OP_DENSE; }
/* Fewest and most operands, from ops.def. */
extern const struct OpArity {
    int least, most;
} op_arity[OP_COUNT];
const AttrField *attr_find(OpKind k, const char *name);      /* NULL when there is none */
double attr_get(const Op *o, const AttrField *f, int index); /* index: 0, or 0..3 for ATTR_PAD */
void attr_set(Op *o, const AttrField *f, int index, double value);
bool attr_is_default(const Op *o, const AttrField *f);
#endif
