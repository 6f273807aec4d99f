/* Layers of a Keras model become operations. */
#ifndef LATENTC_KERAS_EMIT_H
#define LATENTC_KERAS_EMIT_H
#include "keras_rows.h"

/* What a call of a layer gives: a tensor, around which zeros may have to be put: top, bottom, left,
 * right. */
typedef struct {
    TensorId t;
    int64_t pad[4];
} KerasValue;

/* A weight that was made, the layer's place in Keras' order, and its number among all weights. */
typedef struct {
    KerasWeight weight;
    int place;
    size_t number;
} KerasPlaced;

typedef struct {
    Reader *r;
    KerasRows *rows;
    /* of the whole file */
    const KerasModel *model;
    /* calls of layers beyond their first, so far; each has paths of its own */
    int again;
    /* the model's own layer that is being read */
    const char *top;
    KerasPlaced *weights;
    size_t n_weights, cap_weights;
} KerasEmit;

/* ---- keras_layer.c ---- */

/* Adds the operations of one call of a layer that is no model. in: a value for each argument, those
 * of tensors first; of numbers NO_TENSOR. r->prefix is the layer's path and a dot. */
KerasValue keras_emit_layer(KerasEmit *e, const KerasModel *m, const KerasLayer *l,
                            const KerasCall *c, const KerasValue *in);

/* ---- keras_emit.c ---- */

/* Adds the operations of the model's layers; in and out have a value for each input and output. */
void keras_emit_model(KerasEmit *e, const KerasModel *m, const KerasValue *in, KerasValue *out);
#endif
