/* Safetensors files: reading, strictly, and writing. */
#ifndef LATENTC_SAFETENSORS_H
#define LATENTC_SAFETENSORS_H
#include "arena.h"
#include "ir.h"
#include "reading.h"
#include "stored.h"

/* A tensor of a file; data points into the mapped file. */
typedef struct {
    const char *name;
    StDtype dtype;
    /* The type as the file names it. */
    const char *type;
    int rank;
    int64_t dim[8];
    const void *data;
    size_t bytes;
    /* Its place in the header, from 0. */
    size_t place;
} StTensor;

/* An entry of "__metadata__". */
typedef struct {
    const char *key, *value;
} StMeta;

typedef struct {
    const char *path;
    /* Sorted by name. */
    StTensor *tensors;
    size_t n;
    StMeta *meta;
    size_t n_meta;
    void *map;
    size_t map_bytes;
    /* NULL: not mapped. */
    Reading *reading;
    Arena *arena;
} StFile;

/* ---- safetensors.c ---- */

/* Maps a file, or reads a pipe, and validates it; err() names file, tensor and byte. st_close frees
 * it. */
StFile *st_open(const char *path);

/* The same over bytes that the caller keeps until st_close; path is for messages. */
StFile *st_from_memory(const char *path, const void *data, size_t bytes);

/* The tensor of that name, NULL when absent; O(log n). */
const StTensor *st_find(const StFile *f, const char *name);

/* The value of a key of the metadata, NULL when absent or no string. */
const char *st_meta(const StFile *f, const char *key);

/* Unmaps the file and frees f with its tensors. */
void st_close(StFile *f);

/* ---- safetensors_header.c ---- */

/* "F32", "BF16" and so on; "of another kind" for ST_OTHER. */
const char *st_dtype_name(StDtype d);

/* Reads the header, the bytes from begin to end within f's map, into f's tensors and metadata, in
 * the header's order; a name may be there twice. The data of the tensors begins at end. err() when
 * the header is not JSON as Python writes it, or a tensor does not lie in the data; gaps and
 * overlaps are not looked for. */
void st_scan_header(StFile *f, const char *begin, const char *end);

/* ---- safetensors_write.c ---- */

/* A tensor to write: f32 or i32 numbers. */
typedef struct {
    const char *name;
    Dtype dtype;
    Shape shape;
    const void *data;
} StOut;

/* Writes a file with n tensors and n_meta pairs of metadata (meta: key, value, key, ...). The file
 * appears when it is complete. err() on a full disk. */
void st_write(const char *path, const StOut *t, size_t n, const char *const *meta, size_t n_meta);

/* A tensor's entry in the header, for a file that is written bit by bit. */
typedef struct {
    const char *name;
    StDtype dtype;
    int rank;
    int64_t dim[8];
} StEntry;
typedef struct StWriter StWriter;

/* Begins a file: writes the header for n tensors; meta as above. Then the data of all tensors, in
 * their order, goes through st_writer_put, and st_writer_commit ends the file and frees the writer.
 */
StWriter *st_writer_open(const char *path, const StEntry *e, size_t n, const char *const *meta,
                         size_t n_meta);
void st_writer_put(StWriter *w, const void *data, size_t bytes);
void st_writer_commit(StWriter *w);
#endif
