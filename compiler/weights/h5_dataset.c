/* Datasets of HDF5 files: one, and all. See h5.h. */
#include <string.h>

#include "err.h"
#include "h5_file.h"
#include "library_guard.h"
#include "numbers.h"

/* ---- datasets ---- */

/* The numbers' type; ST_OTHER for a type that weights cannot have. */
static StDtype number_type(hid_t type)
{
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    if (H5Tget_class(type) != H5T_FLOAT ||
        H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0)
        return ST_OTHER;
    if (H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F32BE) > 0)
        return ST_F32;
    if (H5Tequal(type, H5T_IEEE_F64LE) > 0 || H5Tequal(type, H5T_IEEE_F64BE) > 0)
        return ST_F64;
    if (H5Tget_size(type) != 2 || sign != 15 || mantissa != 0 || exponent != mantissa_bits ||
        H5Tget_order(type) != H5T_ORDER_LE)
        return ST_OTHER;
    return exponent_bits == 5 && mantissa_bits == 10 && H5Tget_ebias(type) == 15   ? ST_F16
           : exponent_bits == 8 && mantissa_bits == 7 && H5Tget_ebias(type) == 127 ? ST_BF16
                                                                                   : ST_OTHER;
}

/* The handles of an open dataset. */
typedef struct {
    hid_t set, type, space, created;
} Open;

static void close_dataset(Open *o)
{
    if (o->created >= 0)
        H5Pclose(o->created);
    if (o->space >= 0)
        H5Sclose(o->space);
    if (o->type >= 0)
        H5Tclose(o->type);
    if (o->set >= 0)
        H5Dclose(o->set);
}

static bool open_dataset(H5 *f, const char *path, Open *o)
{
    *o = (Open){-1, -1, -1, -1};
    if (h5_type_of(f, path) != H5O_TYPE_DATASET ||
        (o->set = H5Dopen2(f->file, path, H5P_DEFAULT)) < 0)
        return false;
    o->type = H5Dget_type(o->set);
    o->space = H5Dget_space(o->set);
    o->created = H5Dget_create_plist(o->set);
    return o->type >= 0 && o->space >= 0 && o->created >= 0;
}

/* The dataset's numbers in the file, when they are little-endian, unpacked and without gaps; else
 * NULL. */
static const void *in_place(const H5 *f, const Open *o, size_t bytes)
{
    bool swapped = H5Tget_class(o->type) != H5T_OPAQUE && H5Tget_order(o->type) != H5T_ORDER_LE;
    if (!f->map || H5Pget_layout(o->created) != H5D_CONTIGUOUS ||
        H5Pget_nfilters(o->created) != 0 || swapped)
        return NULL;
    haddr_t at = H5Dget_offset(o->set);
    return at == HADDR_UNDEF || at > f->bytes || bytes > f->bytes - at ? NULL : f->map + at;
}

/* Fills t. Returns the fault, NULL when there is none. */
static const char *describe(H5 *f, const Open *o, Stored *t)
{
    hsize_t dim[H5S_MAX_RANK];
    if (H5Sget_simple_extent_type(o->space) == H5S_NULL ||
        (t->rank = H5Sget_simple_extent_ndims(o->space)) < 0)
        return "has no shape";
    if (t->rank > 8)
        return "has more than 8 dimensions";
    if (H5Sget_simple_extent_dims(o->space, dim, NULL) < 0)
        return "is damaged";
    if (H5Pget_layout(o->created) == H5D_VIRTUAL || H5Pget_external_count(o->created) > 0)
        return "has its numbers in other files, which are not opened";
    t->dtype = number_type(o->type);
    H5Texts said = {0};
    if (H5Tget_class(o->type) == H5T_OPAQUE && H5Tget_size(o->type) == 2 &&
        h5_add_attribute(f, t->name, "dtype", &said) && said.n == 1 &&
        !strcmp(said.list[0], "bfloat16"))
        t->dtype = ST_BF16; /* as Keras 3 writes it */
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (dim[i] > INT64_MAX || mul_overflow(count, (int64_t)dim[i], &count) ||
            count > INT64_MAX / 16)
            return "has too many numbers";
        t->dim[i] = (int64_t)dim[i];
    }
    t->bytes = (size_t)count * (t->dtype == ST_OTHER ? 1 : stored_size(t->dtype));
    t->data = t->dtype == ST_OTHER ? NULL : in_place(f, o, t->bytes);
    if (!t->data && H5Pget_layout(o->created) == H5D_CONTIGUOUS &&
        H5Dget_storage_size(o->set) > f->bytes && f->map)
        return "ends after the end of the file";
    return NULL;
}

Stored h5_dataset(H5 *f, const char *path)
{
    Open o;
    Stored t = {.name = arena_strdup(f->arena, path), .file = f->path};
    const char *wrong = open_dataset(f, path, &o) ? describe(f, &o, &t) : "is missing or damaged";
    close_dataset(&o);
    if (wrong)
        err("%s: dataset \"%s\" %s", f->path, path, wrong);
    return t;
}

void h5_read(H5 *f, const char *path, void *dst, size_t bytes)
{
    enum { SECONDS = 600 }; /* of computing by all threads; a large packed dataset takes some */
    static const hid_t no_type = -1;
    bool ok = false;
#pragma omp critical(latentc_hdf5) /* the library is not thread-safe */
    {
        Open o;
        Stored t = {.name = path};
        library_guard(f->path, "HDF5's library", SECONDS);
        if (open_dataset(f, path, &o) && !describe(f, &o, &t) && t.bytes == bytes) {
            hid_t memory = t.dtype == ST_F32     ? H5T_IEEE_F32LE
                           : t.dtype == ST_F64   ? H5T_IEEE_F64LE
                           : t.dtype == ST_OTHER ? no_type
                                                 : o.type;
            ok = memory >= 0 && H5Dread(o.set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, dst) >= 0;
        }
        close_dataset(&o);
        library_guard_end();
    }
    if (!ok)
        err("%s: dataset \"%s\" cannot be read: it is damaged, or packed in a way that latentc does not know",
            f->path, path);
}

/* ---- all datasets ---- */

typedef struct {
    const char **names;
    size_t n, cap;
    H5 *f;
} Members;

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    Members *m = context;
    (void)group;
    if (info->type != H5L_TYPE_HARD) /* skipped; if it is needed, it will be missing */
        return 0;
    if (m->n == MOST_OBJECTS)
        return 1;
    ARENA_GROW(m->f->arena, m->names, m->n, m->cap);
    m->names[m->n++] = arena_strdup(m->f->arena, name);
    return 0;
}

static void walk(H5 *f, const char *group, int depth, size_t *left,
                 void (*each)(void *context, const char *path), void *context)
{
    Members m = {.f = f};
    if (depth > MOST_DEPTH)
        err("%s: group \"%.80s...\" is more than %d groups deep; do they contain themselves?",
            f->path, group, MOST_DEPTH);
    if (H5Literate_by_name(f->file, *group ? group : ".", H5_INDEX_NAME, H5_ITER_NATIVE, NULL,
                           add_member, &m, H5P_DEFAULT) < 0)
        err("%s: group \"/%s\" is damaged", f->path, group);
    for (size_t i = 0; i < m.n; i++) {
        const char *path = arena_printf(f->arena, "%s%s%s", group, *group ? "/" : "", m.names[i]);
        if (!(*left)--)
            err("%s: more than %d groups and datasets, expected some hundreds", f->path,
                MOST_OBJECTS);
        H5O_type_t type = h5_type_at(f, path);
        if (type == H5O_TYPE_GROUP)
            walk(f, path, depth + 1, left, each, context);
        else if (type == H5O_TYPE_DATASET)
            each(context, path);
        else
            err("%s: \"%s\" is neither a group nor a dataset, or damaged", f->path, path);
    }
}

void h5_walk(H5 *f, const char *group, void (*each)(void *context, const char *path), void *context)
{
    size_t left = MOST_OBJECTS;
    walk(f, group, 0, &left, each, context);
}
