/* HDF5 files, as far as weights need them. h5.c alone includes hdf5.h. Nothing outside of the file
 * is ever opened: links other than hard ones, data in other files and filters from plugins are
 * refused. */
#ifndef LATENTC_H5_H
#define LATENTC_H5_H
#include "checkpoint.h"

typedef struct H5 H5;
/* err() when it is no HDF5 file, or damaged. */
H5 *h5_open(const char *path);
/* The same over bytes that the caller keeps; path is for messages. */
H5 *h5_from_memory(const char *path, const void *data, size_t bytes);
void h5_close(H5 *f);
/* Begins with, or after a user block has, the signature. */
bool h5_signature(const void *head, size_t n);
/* In all of these `path` is "a/b/c" from the root, "" the root itself. */
bool h5_has_group(H5 *f, const char *path);
/* The texts of an attribute of a group; where it is cut into chunks, of NAME0, NAME1, ... together.
 * NULL when there is no such attribute. The texts live until h5_close. err() when they are no
 * texts. */
const char **h5_texts(H5 *f, const char *group, const char *attribute, size_t *n);
/* The dataset; err() when it is not there or what it has cannot be weights. Stored.name is the
 * path; .data is NULL unless it lies in one piece, as it is, in the file. Texts live until
 * h5_close. */
Stored h5_dataset(H5 *f, const char *path);
void h5_read(H5 *f, const char *path, void *dst,
             size_t bytes); /* the dataset; err(); thread-safe */
/* Calls each with the path of every dataset below the group, however deep. */
void h5_walk(H5 *f, const char *group, void (*each)(void *context, const char *path),
             void *context);

/* Writes a new file under a temporary name. Groups are made as they are needed. */
typedef struct H5Writer H5Writer;
H5Writer *h5_writer_open(const char *path);
/* A dataset of F64, F32, F16 or BF16 numbers, which follow in pieces. */
void h5_writer_begin(H5Writer *w, const char *path, StDtype dtype, int rank, const int64_t *dim);
void h5_writer_put(H5Writer *w, const void *data, size_t bytes);
/* The attribute of a group, in chunks where it is too large for one, as Keras cuts it. */
void h5_writer_texts(H5Writer *w, const char *group, const char *attribute,
                     const char *const *texts, size_t n);
/* One text as an attribute of the root. */
void h5_writer_text(H5Writer *w, const char *attribute, const char *text);
void h5_writer_commit(H5Writer *w);
#endif
