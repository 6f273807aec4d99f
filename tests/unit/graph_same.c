/* See graph_same.h. */
#include "graph_same.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "alloc.h"

typedef struct {
    const Graph *a, *b;
    /* counterparts, by id - 1; 0: none yet */
    uint32_t *of_a, *of_b;
    /* tensors of a whose producers are to be compared */
    uint32_t *todo;
    size_t n;
} Same;

static char text[512];
#define DIFFER(...) (snprintf(text, sizeof text, __VA_ARGS__), text)

static const char *label(const Graph *g, TensorId t)
{
    const Tensor *x = tensor(g, t);
    return x->kind == T_TEMP ? op_of(g, x->producer)->path : x->name;
}

/* x and y must be counterparts. */
static const char *pair(Same *s, TensorId x, TensorId y)
{
    if (!tensor_ok(x) || !tensor_ok(y))
        return tensor_ok(x) == tensor_ok(y) ? NULL : DIFFER("an operand is missing");
    const Tensor *a = tensor(s->a, x), *b = tensor(s->b, y);
    uint32_t *to = &s->of_a[x.id - 1], *from = &s->of_b[y.id - 1];
    if (*to || *from)
        return *to == y.id && *from == x.id ? NULL
                                            : DIFFER("%s and %s: one of them stands elsewhere too",
                                                     label(s->a, x), label(s->b, y));
    if (a->kind != b->kind || a->dtype != b->dtype || !shape_eq(&a->shape, &b->shape) ||
        a->binding != b->binding || a->n_parts != b->n_parts)
        return DIFFER("%s and %s: kind, type, shape or binding", label(s->a, x), label(s->b, y));
    for (int i = 0; i < a->n_parts; i++)
        if (a->parts[i].width != b->parts[i].width || a->parts[i].scale != b->parts[i].scale)
            return DIFFER("%s and %s: parts", label(s->a, x), label(s->b, y));
    *to = y.id;
    *from = x.id;
    if (a->kind == T_TEMP)
        s->todo[s->n++] = x.id;
    return NULL;
}

static const char *compare_ops(Same *s, const Op *x, const Op *y)
{
    if (x->kind != y->kind)
        return DIFFER("%s %s and %s %s", op_names[x->kind], x->path, op_names[y->kind], y->path);
    for (int i = 0; i < attr_tables[x->kind].n; i++) {
        const AttrField *f = &attr_tables[x->kind].fields[i];
        /* the size of an upsampled image is that of the result, given or not */
        for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1) && x->kind != OP_UPSAMPLE; k++)
            if (attr_get(x, f, k) != attr_get(y, f, k))
                return DIFFER("%s and %s: %s is %.17g and %.17g", x->path, y->path, f->name,
                              attr_get(x, f, k), attr_get(y, f, k));
    }
    const char *wrong = NULL;
    for (int i = 0; i < SLOT_COUNT && !wrong; i++)
        wrong = pair(s, x->in[i], y->in[i]);
    return wrong;
}

static const char *compare(Same *s)
{
    if (s->a->n_outputs != s->b->n_outputs || s->a->n_inputs != s->b->n_inputs ||
        s->a->n_ops != s->b->n_ops)
        return DIFFER("%u inputs, %u outputs, %u ops and %u, %u, %u", s->a->n_inputs,
                      s->a->n_outputs, s->a->n_ops, s->b->n_inputs, s->b->n_outputs, s->b->n_ops);
    const char *wrong = NULL;
    for (uint32_t i = 0; i < s->a->n_inputs && !wrong; i++)
        wrong = pair(s, s->a->inputs[i], s->b->inputs[i]);
    for (uint32_t i = 0; i < s->a->n_outputs && !wrong; i++)
        wrong = pair(s, s->a->outputs[i], s->b->outputs[i]);
    while (s->n && !wrong) {
        TensorId x = {s->todo[--s->n]}, y = {s->of_a[x.id - 1]};
        wrong = compare_ops(s, op_of(s->a, tensor(s->a, x)->producer),
                            op_of(s->b, tensor(s->b, y)->producer));
    }
    return wrong;
}

const char *graph_difference(const Graph *a, const Graph *b, uint32_t **pairs)
{
    Same s = {.a = a,
              .b = b,
              .of_a = xcalloc(a->n_tensors + 1, sizeof(uint32_t)),
              .of_b = xcalloc(b->n_tensors + 1, sizeof(uint32_t)),
              .todo = xcalloc(a->n_tensors + 1, sizeof(uint32_t))};
    const char *wrong = compare(&s);
    free(s.of_b);
    free(s.todo);
    if (pairs && !wrong)
        *pairs = s.of_a;
    else
        free(s.of_a);
    return wrong;
}
