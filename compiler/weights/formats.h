/* Opening a checkpoint: the table of file formats. */
#ifndef LATENTC_FORMATS_H
#define LATENTC_FORMATS_H
#include "checkpoint.h"

/* Opens the file, the folder or the published weights that spec names (fetch.h); o may be NULL.
 * checkpoint_close frees it. err() when no format recognises spec, or when its format refuses it.
 */
Checkpoint *checkpoint_open(const char *spec, const CheckpointOptions *o);
#endif
