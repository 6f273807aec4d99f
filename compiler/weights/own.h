/* latentc's own safetensors files, and their two naming schemes. */
#ifndef LATENTC_OWN_H
#define LATENTC_OWN_H
#include "scheme.h"

/* "latentc": MODEL/PATH; "latentc-model": one model's PATH alone. */
extern const Scheme own_scheme, own_model_scheme;

/* "keras" has it too: does the name begin with MODEL/? */
bool owns_model_folder(const Scheme *s, const Checkpoint *c, const char *model, const char *name);

/* A file of the table in formats.c; settings come from its metadata. */
void open_own(Checkpoint *c, const CheckpointOptions *o);
#endif
