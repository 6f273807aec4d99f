/* HDF5 files, as far as weights need them. h5*.c alone include hdf5.h. Nothing outside of the file
 * is ever opened: links other than hard ones, data in other files and filters from plugins are
 * refused. A `path` is "a/b/c" from the root, "" the root itself. */
#ifndef LATENTC_H5_H
#define LATENTC_H5_H
#include "checkpoint.h"

typedef struct H5 H5;

/* ---- h5_file.c ---- */

/* Do the n bytes begin with HDF5's signature, or have it after a user block? */
bool h5_signature(const void *head, size_t n);

/* Opens a file; err() when it is no HDF5 file, or damaged. */
H5 *h5_open(const char *path);

/* The same over bytes that the caller keeps until h5_close; path is for messages. */
H5 *h5_from_memory(const char *path, const void *data, size_t bytes);

/* Closes the file and frees all that was read from it. */
void h5_close(H5 *f);

/* Is there a group at this path? */
bool h5_has_group(H5 *f, const char *path);

/* ---- h5_attribute.c ---- */

/* The *n texts of an attribute of a group; where Keras cut it into chunks, those of NAME0, NAME1,
 * ... together. NULL when there is no such attribute. The texts live until h5_close. err() when
 * they are no texts. */
const char **h5_texts(H5 *f, const char *group, const char *attribute, size_t *n);

/* ---- h5_dataset.c ---- */

/* The dataset; err() when it is missing or cannot be weights. Stored.name is the path; .data is
 * NULL unless the file has the numbers unpacked and without gaps. Texts live until h5_close. */
Stored h5_dataset(H5 *f, const char *path);

/* Reads a dataset of `bytes` bytes into dst; err(); thread-safe. */
void h5_read(H5 *f, const char *path, void *dst, size_t bytes);

/* Calls each with the path of every dataset below the group, however deep. */
void h5_walk(H5 *f, const char *group, void (*each)(void *context, const char *path),
             void *context);

/* ---- h5_write.c ---- */

typedef struct H5Writer H5Writer;

/* Begins a new file, which appears when it is complete. Groups are made as they are needed. err()
 * on failures, here and below. */
H5Writer *h5_writer_open(const char *path);

/* Begins a dataset of F64, F32, F16 or BF16 numbers; h5_writer_put adds its data, in any number of
 * calls. */
void h5_writer_begin(H5Writer *w, const char *path, StDtype dtype, int rank, const int64_t *dim);
void h5_writer_put(H5Writer *w, const void *data, size_t bytes);

/* Sets an attribute of a group to n texts, in chunks where it is too large for one, as Keras cuts
 * it. */
void h5_writer_texts(H5Writer *w, const char *group, const char *attribute,
                     const char *const *texts, size_t n);

/* Sets an attribute of the root to one text. */
void h5_writer_text(H5Writer *w, const char *attribute, const char *text);

/* Completes the file and frees the writer. */
void h5_writer_commit(H5Writer *w);
#endif
