/* A conversion of weights to another naming scheme and file format. */
#ifndef LATENTC_CONVERSION_H
#define LATENTC_CONVERSION_H
#include "progress.h"
#include "safetensors.h"
#include "subject.h"

/* One tensor that is written: a weight, or up to three weights that share it. */
typedef struct {
    SubjectModel *model;
    const char *path[3]; /* of the weights in the graph */
    int parts;           /* how many of them */
    Shape shape;         /* of one weight, in the graph's layout */
    StEntry entry;       /* name, type and shape as written */
} Written;

/* subject, scheme and out are set by the caller, and bar begun before the first tensor is written.
 */
typedef struct {
    Subject *subject;
    const Scheme *scheme; /* whose names and layouts are written */
    const char *out;      /* file or folder */
    Written *list;        /* in the order of the graphs */
    int n;
    double bytes, done; /* of all numbers, and of those that are written */
    lrt_progress bar;
    /* Where numbers go: `bytes` bytes at data, to `into`. */
    void (*put)(void *into, const void *data, size_t bytes);
    void *into;
    /* Buffers of one tensor: as read, and in the layout that is written. */
    float *read, *turned;
    size_t read_floats, turned_floats;
} Conversion;

/* ---- conversion.c ---- */

/* Is it Stable Diffusion 1.x: by the text encoder's quick gelu, or heads of several sizes in the
 * U-Net? */
bool conversion_version1(const Conversion *v);

/* Fills the list, n and bytes: every weight of the models that the checkpoint has. dtype: the
 * type to write; ST_OTHER: each as it is stored. bf16: the format has this type; if not, bf16
 * becomes f32.
 * err() when the scheme has no name for a weight. */
void conversion_list(Conversion *v, StDtype dtype, bool bf16);

/* Reads one tensor, brings it into the scheme's layout and puts it. err() at a number that the type
 * cannot hold. */
void conversion_write(Conversion *v, const Written *w);

/* Writes the tensors whose names begin with the prefix into one safetensors file, names without it;
 * no file when there are none. meta: n_meta pairs of key and value. */
void conversion_file(Conversion *v, const char *path, const char *prefix, const char *const *meta,
                     size_t n_meta);

/* Frees the buffers of the conversion. The caller closes what it reads. */
void conversion_free(Conversion *v);

/* ---- diffusers_write.c ---- */

/* A folder as diffusers has it: weights, and configs that say what the pipeline's graphs have. */
void diffusers_write(Conversion *v);

/* ---- keras_write.c ---- */

/* One .h5 file for each model, in the layout of Keras before 3, where the order counts. */
void keras_write(Conversion *v);

/* The same in Keras 3's layout. */
void keras3_write(Conversion *v);
#endif
