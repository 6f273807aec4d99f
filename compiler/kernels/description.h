/* The fields of kernels' descriptions as data, for text forms. */
#ifndef LATENTC_DESCRIPTION_H
#define LATENTC_DESCRIPTION_H
#include "kernel_kind.h"
#include "panel.h"
#include "buf.h"

/* int, int64_t, double. */
typedef enum { FIELD_INT, FIELD_I64, FIELD_REAL } FieldType;
/* A field of a description. */
typedef struct {
    /* Of the member: "part[0].batch". */
    const char *name;
    /* In the description, in bytes. */
    size_t offset;
    FieldType type;
    /* Of a field whose values have names: the name of each. NULL: the values are numbers. */
    const char *const *names;
    int n_names;
} DescriptionField;
typedef struct {
    const DescriptionField *fields;
    int n;
} DescriptionFields;

/* Every field of the kind's description, in the order of the struct. */
DescriptionFields description_fields(KernelKind kind);

/* Every field of a PanelLayout. */
DescriptionFields panel_layout_fields(void);

/* " {batch=2, h=64, kind=upsample}": the fields that are not 0. Nothing where all are. */
void description_print(Buf *out, DescriptionFields fields, const void *description);
/* Sets a field. The value is checked by the caller: an integer unless the field is FIELD_REAL;
 * an index into its names where it has names. */
void description_set(const DescriptionField *f, void *description, double real, int64_t integer);
#endif
