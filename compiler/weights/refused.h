/* Files and folders that latentc knows and does not take as weights: the messages say what to give
 * instead. */
#ifndef LATENTC_REFUSED_H
#define LATENTC_REFUSED_H
#include "checkpoint.h"

/* Advice about a .ckpt, .pt or .bin: "a PyTorch pickle, which ...". */
extern const char *const pickle_advice;

/* Rows of the table in formats.c. is_: does the file or folder have this format? refuse_: err()
 * with advice. Here: a folder without weights; a .keras archive. */
bool is_folder(const Peek *p);
void refuse_folder(Checkpoint *c, const CheckpointOptions *o);
bool is_keras_archive(const Peek *p);
void refuse_keras_archive(Checkpoint *c, const CheckpointOptions *o);

/* A PyTorch pickle; a GGUF file. */
bool is_pickle(const Peek *p);
void refuse_pickle(Checkpoint *c, const CheckpointOptions *o);
bool is_gguf(const Peek *p);
void refuse_gguf(Checkpoint *c, const CheckpointOptions *o);

/* Weights that `latentc build --packed` wrote. */
bool is_packed(const Peek *p);
void refuse_packed(Checkpoint *c, const CheckpointOptions *o);
#endif
