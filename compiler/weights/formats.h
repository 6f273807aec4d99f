/* The rows of checkpoint_formats[] (formats.c): recognises and open of each, by file. See
 * checkpoint.h. */
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

/* weights_packed.c */
bool is_packed(const Peek *p);
void refuse_packed(Checkpoint *c, const CheckpointOptions *o);

/* ldm.c */
bool is_ldm_file(const Peek *p);
void open_ldm_file(Checkpoint *c, const CheckpointOptions *o);
bool is_ldm_vae(const Peek *p);
void open_ldm_vae(Checkpoint *c, const CheckpointOptions *o);

/* keras.c */
bool is_keras_file(const Peek *p);
void open_keras_file(Checkpoint *c, const CheckpointOptions *o);
bool is_keras_folder(const Peek *p);
void open_keras_folder(Checkpoint *c, const CheckpointOptions *o);
bool is_keras_archive(const Peek *p);
void refuse_keras_archive(Checkpoint *c, const CheckpointOptions *o);
void open_keras_image(Checkpoint *c, const void *data,
                      size_t bytes); /* a file's bytes, which the caller keeps: for fuzzing */
/* Of the scheme "keras". */
bool keras_spell(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                 const Counts *n, int choice, Place *out);
void keras_bind(Checkpoint *c, const Graph *g);
/* The paths of a graph's weights (before any pass) in the order in which Keras lists them; room for
 * g->n_tensors. Returns how many. */
size_t keras_order(const Graph *g, const char **paths);
#endif
