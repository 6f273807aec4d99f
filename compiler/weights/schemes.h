/* The list of naming schemes. */
#ifndef LATENTC_SCHEMES_H
#define LATENTC_SCHEMES_H
#include "scheme.h"

extern const Scheme *const schemes[];
extern const int n_schemes;

/* The scheme of that name, NULL when there is none. */
const Scheme *scheme_find(const char *name);

/* Has the checkpoint weights of this graph, by their names? True, too, for a file of one model
 * without the model's name, when the graph is none of graphs/sd2. */
bool checkpoint_serves(const Checkpoint *c, const char *model);
#endif
