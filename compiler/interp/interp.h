/* The reference interpreter: every source op and every op made by passes, as loops from its
 * definition. */
#ifndef LATENTC_INTERP_H
#define LATENTC_INTERP_H
#include "weights.h"

/* Computes the graph's outputs from its inputs. inputs[i]: the data of g->inputs[i] (f32 or i32 as
 * declared). outputs[i]: room for g->outputs[i], f32. in_double: every value stays in double and
 * outputs are rounded once; otherwise every result is rounded to f32. Temporaries are freed after
 * their last use. err() where an id lies outside of its table. */
void interpret(const Graph *g, WeightSource *w, const void *const *inputs, float *const *outputs,
               bool in_double);

/* The same for a loop of n steps with step caching: the first is full, the others are short.
 * inputs: [n] as above. outputs: of the last step. */
void interpret_steps(const Graph *g, WeightSource *w, const void *const *const *inputs, int n,
                     float *const *outputs, bool in_double);
#endif
