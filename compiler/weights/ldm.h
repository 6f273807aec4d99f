/* Single files of the original program (LDM), whole or the autoencoder alone. */
#ifndef LATENTC_LDM_H
#define LATENTC_LDM_H
#include "scheme.h"

/* "ldm". */
extern const Scheme ldm_scheme;

/* The same of Stable Diffusion 1.x: transformers' names of the text encoder, projections as
 * convolutions. */
extern const Scheme ldm1_scheme;

/* Rows of the table in formats.c. */
bool is_ldm_file(const Peek *p);
void open_ldm_file(Checkpoint *c, const CheckpointOptions *o);
bool is_ldm_vae(const Peek *p);
void open_ldm_vae(Checkpoint *c, const CheckpointOptions *o);
#endif
