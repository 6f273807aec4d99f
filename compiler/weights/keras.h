/* Weights as Keras writes them: one HDF5 file for each model, a .keras archive that has one, or a
 * folder of files. */
#ifndef LATENTC_KERAS_H
#define LATENTC_KERAS_H
#include "scheme.h"

/* "keras": names as Keras 3 has them; in its older layout the order of layers. */
extern const Scheme keras_scheme, keras1_scheme; /* keras_bind.c */

/* ---- keras.c ---- */

/* Rows of the table in formats.c: single files. */
bool is_keras_file(const Peek *p);
void open_keras_file(Checkpoint *c, const CheckpointOptions *o);
bool is_keras_archive(const Peek *p);
void open_keras_archive(Checkpoint *c, const CheckpointOptions *o);

/* A folder of files. */
bool is_keras_folder(const Peek *p);
void open_keras_folder(Checkpoint *c, const CheckpointOptions *o);

/* open_keras_file and open_keras_archive over bytes that the caller keeps: for fuzzing. */
void open_keras_image(Checkpoint *c, const void *data, size_t bytes);
void open_keras_archive_image(Checkpoint *c, const void *data, size_t bytes);
#endif
