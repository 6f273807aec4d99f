/* Folders as diffusers' save_pretrained writes them, one of their component folders, or one of
 * their files. */
#ifndef LATENTC_DIFFUSERS_H
#define LATENTC_DIFFUSERS_H
#include "scheme.h"

/* "diffusers": names of PyTorch's modules, with the component in front. */
extern const Scheme diffusers_scheme;

/* Rows of the table in formats.c. is_: does the file or folder have this format? open_: adds its
 * tensors to c; err() when it is damaged. Here: a whole folder. */
bool is_diffusers_folder(const Peek *p);
void open_diffusers_folder(Checkpoint *c, const CheckpointOptions *o);

/* One component's folder. */
bool is_component_folder(const Peek *p);
void open_component_folder(Checkpoint *c, const CheckpointOptions *o);

/* One component's file, or an index of its shards; both open alike. */
bool is_component_index(const Peek *p);
bool is_component_file(const Peek *p);
void open_component_file(Checkpoint *c, const CheckpointOptions *o);
#endif
