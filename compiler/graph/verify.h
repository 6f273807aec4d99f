/* The rules of a valid graph. */
#ifndef LATENTC_VERIFY_H
#define LATENTC_VERIFY_H
#include "ir.h"

/* Checks every rule of verify.c for every live op, and that the outputs are computed. die()s on the
 * first violation; `after` names the pass (or "parse") in the message. */
void graph_verify(const Graph *g, const char *after);
#endif
