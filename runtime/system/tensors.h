/* Named tensors in safetensors files, as far as a generated program needs them: f32, i32 and u8 in,
 * f32 and i32 out. */
#ifndef LATENTRT_TENSORS_H
#define LATENTRT_TENSORS_H
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { LRT_TENSOR_RANK = 8 };
typedef struct {
    char *name, dtype[8]; /* "F32", "I32", ... */
    int rank;
    int64_t dim[LRT_TENSOR_RANK];
    const void *data; /* into the file's bytes; alignment as the file has it */
    size_t bytes;
} lrt_tensor;
typedef struct {
    char *data;
    size_t bytes;
    lrt_tensor *tensors;
    int n;
} lrt_tensor_file;
/* The whole file is read and its header checked: shapes against sizes, every tensor inside the
 * file. */
bool lrt_tensors_read(const char *path, lrt_tensor_file *f, lrt_error *e);
void lrt_tensors_free(lrt_tensor_file *f);
/* The tensor of that name; says so, with the file's names, when it is not there or has another type
 * or shape. */
const lrt_tensor *lrt_tensors_find(const lrt_tensor_file *f, const char *path, const char *name,
                                   const char *dtype, int rank, const int64_t *dim, lrt_error *e);

typedef struct {
    const char *name, *dtype;
    int rank;
    const int64_t *dim;
    const void *data;
} lrt_tensor_out; /* dtype F32 or I32 */
bool lrt_tensors_write(const char *path, const lrt_tensor_out *t, int n, lrt_error *e);
#endif
