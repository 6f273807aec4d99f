/* The rows of checkpoint_formats[] (formats.c): recognises and open of each, by file. See checkpoint.h. */
#ifndef LATENTC_FORMATS_H
#define LATENTC_FORMATS_H
#include "checkpoint.h"

/* diffusers.c */
bool is_diffusers_folder(const Peek *p);
void open_diffusers_folder(Checkpoint *c, const CheckpointOptions *o);
bool is_component_folder(const Peek *p);
void open_component_folder(Checkpoint *c, const CheckpointOptions *o);
bool is_component_index(const Peek *p);
bool is_component_file(const Peek *p);
void open_component_file(Checkpoint *c, const CheckpointOptions *o);
extern const char *const pickle_advice; /* what to do with a .ckpt, .pt or .bin */

/* ldm.c */
bool is_ldm_file(const Peek *p);
void open_ldm_file(Checkpoint *c, const CheckpointOptions *o);
bool is_ldm_vae(const Peek *p);
void open_ldm_vae(Checkpoint *c, const CheckpointOptions *o);
#endif
