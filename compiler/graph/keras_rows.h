/* The table of Keras' layers, keras_layers.json: one row per class, which says how the members of
 * the layer's config become parameters, and which statements of the graph language (as in "do" of a
 * block) the layer is. The first row is taken whose class and number of inputs are the layer's.
 *
 *   class, module   of the layer; module is a pattern with *
 *   when            members of the config and their values: the row is only for those
 *   inputs          names of the tensors that it is called with, in order
 *   least           fewest of them: the others are then the last one that is there
 *   same_rank       the inputs must have as many dimensions as each other
 *   fold            any number of inputs: the statements are done for the first two, then for the
 *                   result and the next
 *   number          true: it is called with a number as well, which becomes the parameters number
 *                   and number_first (whether it stands first); "second": it may not be first
 *   pads            the input may be a ZeroPadding2D's result: parameters in_top, ..., in_right
 *   config          members of the layer's config (below); without it all of them are skipped
 *   constraints     as in a graph file
 *   set             parameters that are computed from the others, in order
 *   blocks          the embedded graph file whose blocks the statements use
 *   do              the statements; their paths follow the layer's own, an empty one is that
 *   gives           padding, shape: what the layer gives instead of the statements' result: its
 *                   input with zeros around it, its input in another shape
 *   stored          where Keras 3 stores the layers inside: path here -> path there; others have
 * the same name last_of         the layer may only be the last one of a model with this module
 *
 * A member of config is the type of its value, a list of the values that are had, or an object with
 * "as" (the parameter's name) and one of "type", "only" (that list) and "words" (its numbers):
 *   integer, number, flag (0 or 1), pair (a number, or two that are equal), pads (into top, bottom,
 *   left, right), last (the last axis), shape (of the result, -1: what remains), activation (the
 *   statements in "activations" follow), policy (dtype policy), skip
 * A member that no row has is refused unless it is null. */
#ifndef LATENTC_KERAS_ROWS_H
#define LATENTC_KERAS_ROWS_H
#include "keras_model.h"
#include "reader.h"

typedef struct KerasRows KerasRows;

/* Reads the table; keras_rows_close frees its documents. */
KerasRows *keras_rows_open(Arena *a);
void keras_rows_close(KerasRows *rows);

/* What messages about the table and its blocks name from now on: a place in the user's file. */
void keras_rows_place(KerasRows *rows, const char *place);

/* The mixed dtype policy of layers that were read; NULL: they all compute in f32. */
const char *keras_rows_mixed(const KerasRows *rows);

/* The row of a layer that is called with so many tensors and numbers. err() with what is supported
 * when there is none. */
Json keras_row(const KerasRows *rows, const KerasLayer *l, int tensors, int numbers);

/* The document whose blocks the statements of a row use. */
Json keras_row_blocks(KerasRows *rows, Json row);

/* Parameters that every layer has. */
void keras_rows_defaults(const KerasRows *rows, Reader *r);

/* Sets the parameter among the graph's. */
void keras_param(Reader *r, Json at, ParamSet p);

/* The members of the layer's config become parameters of r. *activation: the statements that
 * follow, absent when there are none. */
void keras_row_config(const KerasRows *rows, Json row, const KerasLayer *l, Reader *r,
                      Json *activation);

/* The graph file of a class of keras-cv that is written without its layers; NULL: unknown. */
const char *keras_class_graph(const KerasRows *rows, const char *class_name, const char *module);
#endif
