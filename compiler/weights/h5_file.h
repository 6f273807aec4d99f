/* An open HDF5 file as h5_file.c, h5_attribute.c and h5_dataset.c share it. Others include h5.h. */
#ifndef LATENTC_H5_FILE_H
#define LATENTC_H5_FILE_H
#include <hdf5.h>

#include "h5.h"
#include "reading.h"

/* Bounds for files from anywhere: far above what Keras writes. */
enum {
    MOST_DEPTH = 24,
    MOST_OBJECTS = 1 << 14,
    MOST_TEXTS = 1 << 20,
    MOST_TEXT_BYTES = 64 << 20,
    MOST_PATH = 1024
};

struct H5 {
    Arena *arena;
    const char *path;
    hid_t file;
    /* The whole file, mapped or in memory; NULL: everything is read through the library. */
    const unsigned char *map;
    size_t bytes;
    bool mapped;
    /* NULL: from memory. */
    Reading *reading;
};

/* ---- h5_file.c ---- */

/* The kind of object at a path; H5O_TYPE_UNKNOWN where there is none. err() when a link on the way
 * is not a hard one. */
H5O_type_t h5_type_of(H5 *f, const char *path);

/* The same for a path that is known to have hard links alone. */
H5O_type_t h5_type_at(H5 *f, const char *path);

/* ---- h5_attribute.c ---- */

/* A list of texts in the file's arena. */
typedef struct {
    const char **list;
    size_t n, cap;
} H5Texts;

/* Adds the texts of an attribute of a group or dataset. False: there is no such attribute. err()
 * when they are no texts, empty, or too long. */
bool h5_add_attribute(H5 *f, const char *object, const char *name, H5Texts *into);
#endif
