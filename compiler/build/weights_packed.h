/* Packed weights in a file of their own. */
#ifndef LATENTC_WEIGHTS_PACKED_H
#define LATENTC_WEIGHTS_PACKED_H
#include "shared_flags.h"

/* ---- weights_packed.c ---- */

/* Packs the weights of spec, and further ones that f names, as `latentc build` does with these
 * flags. Members of f.code that are NULL get build's defaults. out: the file to write. vocab: what
 * vocab_load takes, or NULL. */
void packed_write(const char *spec, const char *pipeline, const char *out, PipelineFlags f,
                  const char *vocab);

/* Prints what a file of packed weights contains. False: it is no such file. err() when it is
 * damaged. */
bool packed_list(const char *spec);
#endif
