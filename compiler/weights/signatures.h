/* Files of weights that no pipeline of latentc takes, recognised by the names of their tensors. */
#ifndef LATENTC_SIGNATURES_H
#define LATENTC_SIGNATURES_H
#include "checkpoint.h"

/* What the file is and what to do, "a LoRA, which changes a model, by its tensor \"lora_unet_...\":
 * merge ..."; NULL: signatures.def has no such file. The text is the checkpoint's. Rows are tried
 * in their order, so that a model is found before its parts. */
const char *signature_of(const Checkpoint *c);

/* err() with that text when there is one. */
void signature_refuse(const Checkpoint *c);
#endif
