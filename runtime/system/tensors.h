/* Named tensors in safetensors files, as far as a generated program needs them. */
#ifndef LATENTRT_TENSORS_H
#define LATENTRT_TENSORS_H
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { LRT_TENSOR_RANK = 8 };
/* A tensor of a file. */
typedef struct {
    char *name, dtype[8]; /* "F32", "I32", ... */
    int rank;
    int64_t dim[LRT_TENSOR_RANK];
    const void *data; /* into the file's bytes, aligned as the file has it */
    size_t bytes;
} lrt_tensor;
typedef struct {
    const char *path; /* the caller's; for messages */
    char *data;
    size_t bytes;
    lrt_tensor *tensors;
    int n;
} lrt_tensor_file;
/* Reads the whole file and checks its header: sizes fit the shapes, and every tensor is inside the
 * file. false, with *e: it cannot be read or is damaged; f is then empty. */
bool lrt_tensors_read(const char *path, lrt_tensor_file *f, lrt_error *e);
void lrt_tensors_free(lrt_tensor_file *f);

/* A tensor to look for, or to write (dtype F32 or I32). */
typedef struct {
    const char *name, *dtype;
    int rank;
    const int64_t *dim;
    const void *data; /* of tensors to write */
} lrt_tensor_spec;
/* The tensor of f with that name, type and shape. NULL, with *e, when it is missing or different.
 */
const lrt_tensor *lrt_tensors_find(const lrt_tensor_file *f, const lrt_tensor_spec *want,
                                   lrt_error *e);
/* Writes n tensors to a file that appears only when it is complete (output.h). */
bool lrt_tensors_write(const char *path, const lrt_tensor_spec *t, int n, lrt_error *e);
#endif
