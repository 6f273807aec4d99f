/* Writes HDF5 files as Keras does: contiguous datasets, lists of names as attributes of groups. See
 * h5.h. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "err.h"
#include "h5.h"
#include "outfile.h"

/* Most bytes of an attribute, Keras' own bound: HDF5 stores it in the object's header, which has at
 * most 64 KiB. */
enum { MOST_ATTRIBUTE = 64512 };

struct H5Writer {
    OutFile *out;
    const char *path;
    hid_t file;
    /* The same file: numbers are written directly to their place, not through the library. */
    int fd;
    /* Where the next bytes of the dataset go, and how many are still to come. */
    off_t at;
    uint64_t left;
};

H5Writer *h5_writer_open(const char *path)
{
    H5Writer *w = xcalloc(1, sizeof *w);
    w->path = path;
    w->out = outfile_open(path);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(fapl, 0, 1);
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
    w->file = H5Fcreate(outfile_temp_path(w->out), H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    H5Pclose(fapl);
    w->fd = open(outfile_temp_path(w->out), O_WRONLY | O_CLOEXEC);
    if (w->file < 0 || w->fd < 0)
        err("%s: cannot be written: HDF5 does not create it", path);
    return w;
}

static hid_t type_for(StDtype d)
{
    hid_t type = H5Tcopy(d == ST_F64 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE);
    if (d == ST_F16 || d == ST_BF16) { /* sign, exponent, mantissa from the top */
        size_t mantissa = d == ST_F16 ? 10 : 7, exponent = 15 - mantissa;
        CHECK(H5Tset_fields(type, 15, mantissa, exponent, 0, mantissa) >= 0 &&
              H5Tset_size(type, 2) >= 0 &&
              H5Tset_ebias(type, ((size_t)1 << (exponent - 1)) - 1) >= 0);
    }
    return type;
}

void h5_writer_begin(H5Writer *w, const char *path, StDtype dtype, int rank, const int64_t *dim)
{
    CHECK(w->left == 0);
    hsize_t size[8];
    w->left = stored_size(dtype);
    for (int i = 0; i < rank; i++) {
        size[i] = (hsize_t)dim[i];
        w->left *= (uint64_t)dim[i];
    }
    hid_t type = type_for(dtype), space = H5Screate_simple(rank, size, NULL),
          links = H5Pcreate(H5P_LINK_CREATE), create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY); /* its place must be known now */
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(create, 0); /* the same weights make the same file */
    hid_t set = H5Dcreate2(w->file, path, type, space, links, create, H5P_DEFAULT);
    haddr_t at = set < 0 ? HADDR_UNDEF : H5Dget_offset(set);
    if (at == HADDR_UNDEF)
        err("%s: dataset \"%s\" cannot be written", w->path, path);
    w->at = (off_t)at;
    H5Dclose(set);
    H5Pclose(create);
    H5Pclose(links);
    H5Sclose(space);
    H5Tclose(type);
}

void h5_writer_put(H5Writer *w, const void *data, size_t bytes)
{
    CHECK(bytes <= w->left);
    w->left -= bytes;
    for (const char *p = data; bytes;) {
        ssize_t n = pwrite(w->fd, p, bytes, w->at);
        if (n < 0)
            err("%s: cannot be written: %s", w->path, strerror(errno));
        p += n;
        w->at += n;
        bytes -= (size_t)n;
    }
}

/* Texts for an attribute, each padded with zeros to `width` bytes; a list, or one text alone. */
typedef struct {
    const char *const *list;
    size_t n, width;
    bool alone;
} TextsOut;

static void write_attribute(H5Writer *w, hid_t group, const char *name, TextsOut texts)
{
    char *data = xcalloc(texts.n + 1, texts.width);
    for (size_t i = 0; i < texts.n; i++)
        memcpy(data + i * texts.width, texts.list[i], strlen(texts.list[i]));
    hsize_t size[] = {texts.n};
    hid_t type = H5Tcopy(H5T_C_S1),
          space = texts.alone ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, size, NULL);
    H5Tset_size(type, texts.width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attribute = H5Acreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, type, data) < 0)
        err("%s: attribute \"%s\" cannot be written", w->path, name);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    free(data);
}

static hid_t open_group(H5Writer *w, const char *path)
{
    if (!*path)
        return H5Gopen2(w->file, "/", H5P_DEFAULT);
    if (H5Lexists(w->file, path, H5P_DEFAULT) > 0)
        return H5Gopen2(w->file, path, H5P_DEFAULT);
    return H5Gcreate2(w->file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}

void h5_writer_texts(H5Writer *w, const char *group, const char *attribute,
                     const char *const *texts, size_t n)
{
    size_t width = 1;
    for (size_t i = 0; i < n; i++)
        width = strlen(texts[i]) > width ? strlen(texts[i]) : width;
    size_t chunk = MOST_ATTRIBUTE / width;
    hid_t g = open_group(w, group);
    if (g < 0)
        err("%s: group \"/%s\" cannot be written", w->path, group);
    for (size_t i = 0, k = 0; i < n || !k; i += chunk, k++) {
        char name[64];
        snprintf(name, sizeof name, n > chunk ? "%s%zu" : "%s", attribute, k);
        write_attribute(w, g, name,
                        (TextsOut){texts + i, n - i < chunk ? n - i : chunk, width, false});
    }
    H5Gclose(g);
}

void h5_writer_text(H5Writer *w, const char *attribute, const char *text)
{
    hid_t g = open_group(w, "");
    write_attribute(w, g, attribute, (TextsOut){&text, 1, strlen(text), true});
    H5Gclose(g);
}

void h5_writer_commit(H5Writer *w)
{
    CHECK(w->left == 0);
    if (H5Fclose(w->file) < 0)
        err("%s: cannot be written: HDF5 does not close it", w->path);
    close(w->fd);
    outfile_commit(w->out, 0644);
    free(w);
}
