/* What a generator prints on standard output instead of drawing. The caller flushes it. */
#ifndef LATENTRT_GENERATOR_PRINT_H
#define LATENTRT_GENERATOR_PRINT_H
#include "session.h"

/* --print-tokens: the ids of the prompt, one line. false, with *e: the prompt is no valid text. */
bool lrt_print_tokens(const lrt_session *s, lrt_error *e);
/* --info. wrong: why the file of weights cannot be used; NULL when it can. mpi: the name of the
 * MPI; NULL without. */
void lrt_print_info(const lrt_session *s, const char *wrong, const char *mpi);
#endif
