/* Files and folders that latentc knows and does not take as weights: the messages say what they are
 * and what to give instead. */
#ifndef LATENTC_REFUSED_H
#define LATENTC_REFUSED_H
#include "checkpoint.h"

/* Advice about a .ckpt, .pt or .bin: "a PyTorch pickle, which ...". */
extern const char *const pickle_advice;

/* Rows of the table in formats.c. is_: does the file or folder have this format? refuse_: err()
 * with advice. Here: a folder without weights. */
bool is_folder(const Peek *p);
void refuse_folder(Checkpoint *c, const CheckpointOptions *o);

/* A file of another kind, by its first bytes: a PyTorch pickle, an archive, packed weights. */
bool is_of_another_kind(const Peek *p);
void refuse_kind(Checkpoint *c, const CheckpointOptions *o);

/* A GGUF file. */
bool is_gguf(const Peek *p);
void refuse_gguf(Checkpoint *c, const CheckpointOptions *o);
#endif
