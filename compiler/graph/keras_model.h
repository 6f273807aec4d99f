/* A model as Keras 3 describes it in JSON: `model.to_json()` of a functional or sequential model,
 * or config.json of a .keras archive. Here are its layers and their connections; what a layer
 * computes stands in keras_layers.json (keras_rows.h). */
#ifndef LATENTC_KERAS_MODEL_H
#define LATENTC_KERAS_MODEL_H
#include "arena.h"
#include "json.h"

/* Most layers of one model; models in models. */
enum { MOST_KERAS_LAYERS = 16384, MOST_KERAS_DEPTH = 16 };

/* What a layer's call is given: a tensor, or a number. */
typedef struct {
    Json at;
    /* of a keyword argument; NULL: by position */
    const char *keyword;
    /* index of the layer that gives the tensor; -1: a number */
    int layer;
    /* which call of that layer, which of its results; from 0 */
    int call, result;
    double number;
} KerasArg;

/* One call of a layer. */
typedef struct {
    KerasArg *args;
    int n_args, cap_args;
} KerasCall;

typedef struct KerasModel KerasModel;
typedef struct {
    /* config absent: the input of a sequential model that has no layer for it */
    Json json, config;
    /* as Keras has it; class_name and module as in the file */
    const char *name, *class_name, *module;
    /* of its weights and operations, within the model: its name, with other characters than
     * letters, digits, _ and - made _ */
    const char *path;
    /* the group of its weights in a .weights.h5 file: "layers/dense_1" */
    const char *stored;
    /* its place in the order of all layers, nested models' layers included */
    int place;
    /* inputs of the model: their shape, with the batch; others: absent */
    Json batch_shape;
    /* the layer is a model itself; else NULL */
    KerasModel *model;
    KerasCall *calls;
    int n_calls;
} KerasLayer;

struct KerasModel {
    Json json, config;
    const char *name, *class_name, *module;
    KerasLayer *layers;
    int n_layers;
    /* references to layers, as KerasArg has them */
    KerasCall inputs, outputs;
    /* of outputs, made names; "output" when there is one without a name in the file */
    const char **output_names;
};

/* Is this Keras' JSON of a model? */
bool keras_json(Json root);

/* The same for a model without its layers, as to_json() writes a class of the user's or of
 * keras-cv's that is built by its constructor. */
bool keras_class_only(Json root);

/* The model's name in latentc, made of Keras' name: letters, digits and _. */
const char *keras_model_name(Arena *a, Json root);

/* The model, in the arena; it refers to root. err() with the place on any mistake: JSON of Keras 2,
 * a layer that is missing or called in a way that is not had. */
KerasModel *keras_model_read(Arena *a, Json root);
#endif
