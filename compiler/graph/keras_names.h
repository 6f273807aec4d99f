/* Names that Keras makes of names. */
#ifndef LATENTC_KERAS_NAMES_H
#define LATENTC_KERAS_NAMES_H
#include "arena.h"

/* A class's name as Keras' files have it: "PaddedConv2D" -> "padded_conv2d". */
const char *keras_snake_case(Arena *a, const char *class_name);

/* A name of letters, digits and _ that does not begin with a digit. */
const char *keras_identifier(Arena *a, const char *name);

/* A name of letters, digits, _ and -, for paths. */
const char *keras_path(Arena *a, const char *name);

/* The names that the layers of one model have in a .weights.h5 file: each class is counted. */
typedef struct KerasNames KerasNames;

/* No names yet; the layers are below `stored`: "layers". */
KerasNames *keras_names_new(Arena *a, const char *stored);

/* The name of the next layer of that class: "layers/dense", then "layers/dense_1". */
const char *keras_stored_name(KerasNames *names, const char *class_name);
#endif
