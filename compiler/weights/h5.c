/* See h5.h. */
#include "h5.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const unsigned char *map; /* of the whole file, or the bytes in memory */
    size_t bytes;
    bool mapped;
    Reading *reading; /* NULL: from memory */
};

bool h5_signature(const void *head, size_t n)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    for (size_t at = 0; at + 8 <= n; at = at ? 2 * at : 512)
        if (!memcmp((const char *)head + at, signature, 8))
            return true;
    return false;
}

/* ---- open and close
 * -----------------------------------------------------------------------------------------------------------------
 */

static void library_begin(void)
{
    static bool ready;
    if (ready)
        return;
    ready = true;
    if (H5open() < 0)
        die("libhdf5 does not start");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* what is wrong is said here */
    H5PLset_loading_state(0);              /* a file must not make us load code */
}

static void release(void *context)
{
    H5 *f = context;
    if (f->file >= 0)
        H5Fclose(f->file);
    if (f->mapped)
        munmap((void *)f->map, f->bytes);
    reading_end(f->reading);
}

static H5 *h5_new(const char *path)
{
    library_begin();
    Arena *a = arena_new();
    H5 *f = arena_alloc(a, sizeof *f);
    *f = (H5){.arena = a, .path = arena_strdup(a, path), .file = -1};
    arena_at_end(a, release, f); /* also when err() is caught */
    return f;
}

/* fapl is closed. */
static void open_with(H5 *f, hid_t fapl)
{
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG); /* closes whatever is still open in it */
    f->file = H5Fopen(f->path, H5F_ACC_RDONLY, fapl);
    H5Pclose(fapl);
    if (f->file < 0)
        err("%s: HDF5 cannot read it: not such a file, cut, or damaged", f->path);
}

static void map_file(H5 *f)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s", f->path, strerror(errno));
    void *p = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                             : MAP_FAILED;
    f->reading = reading_begin(f->path, fd);
    if (p == MAP_FAILED)
        return; /* then everything is read through the library */
    f->map = p;
    f->bytes = (size_t)st.st_size;
    f->mapped = true;
}

H5 *h5_open(const char *path)
{
    H5 *f = h5_new(path);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(fapl, 0, 1); /* it is only read; network folders often cannot lock */
    map_file(f);
    open_with(f, fapl);
    return f;
}

H5 *h5_from_memory(const char *path, const void *data, size_t bytes)
{
    H5 *f = h5_new(path);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(fapl, 1 << 16, 0);
    H5Pset_file_image(fapl, (void *)data, bytes); /* copied */
    f->map = data;
    f->bytes = bytes;
    open_with(f, fapl);
    return f;
}

void h5_close(H5 *f)
{
    enum { SECONDS = 10 };
    library_guard(f->path, "HDF5's library", SECONDS);
    arena_free(f->arena);
    library_guard_end();
}

/* ---- links
 * --------------------------------------------------------------------------------------------------------------------------
 */

/* Is it there, through hard links alone? err() for other links. */
static bool reachable(H5 *f, const char *path)
{
    char at[MOST_PATH];
    size_t n = strlen(path);
    if (n >= sizeof at)
        err("%s: \"%.40s...\": a name of %zu bytes, expected less than %d", f->path, path, n,
            MOST_PATH);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i])
            continue;
        memcpy(at, path, i);
        at[i] = 0;
        H5L_info_t link;
        if (H5Lexists(f->file, at, H5P_DEFAULT) <= 0 ||
            H5Lget_info(f->file, at, &link, H5P_DEFAULT) < 0)
            return false;
        if (link.type != H5L_TYPE_HARD)
            err("%s: \"%s\" is a link to elsewhere, which is not followed", f->path, at);
    }
    return true;
}

/* Of what is known to be reachable. */
static H5O_type_t type_at(H5 *f, const char *path)
{
    H5O_info_t info;
    return H5Oget_info_by_name2(f->file, path, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0
               ? H5O_TYPE_UNKNOWN
               : info.type;
}

static H5O_type_t type_of(H5 *f, const char *path)
{
    return !*path ? H5O_TYPE_GROUP : reachable(f, path) ? type_at(f, path) : H5O_TYPE_UNKNOWN;
}

bool h5_has_group(H5 *f, const char *path) { return type_of(f, path) == H5O_TYPE_GROUP; }

/* ---- attributes
 * ---------------------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const char **list;
    size_t n, cap;
} Texts;

static void add_text(H5 *f, Texts *t, const char *s, size_t n)
{
    if (t->n == t->cap) {
        const char **more = arena_alloc(f->arena,
                                        (t->cap = t->cap ? 2 * t->cap : 64) * sizeof *more);
        if (t->n)
            memcpy(more, t->list, t->n * sizeof *more);
        t->list = more;
    }
    t->list[t->n++] = arena_printf(f->arena, "%.*s", (int)n, s);
}

/* The texts of one open attribute; what is wrong with it, or NULL. */
static const char *read_texts(H5 *f, hid_t attribute, hid_t type, hid_t space, Texts *into)
{
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n == 0)
        return NULL; /* Keras writes a list without members as numbers */
    if (H5Tget_class(type) != H5T_STRING)
        return "has no texts";
    size_t size = H5Tget_size(type);
    if (n < 0 || n > MOST_TEXTS || !size || size > MOST_TEXT_BYTES ||
        (uint64_t)n * size > MOST_TEXT_BYTES)
        return "is too large";
    bool variable = H5Tis_variable_str(type) > 0;
    const char *wrong = NULL;
    char *data = xcalloc((size_t)n, variable ? sizeof(char *) : size);
    hid_t memory = H5Tcopy(type);
    if (H5Aread(attribute, memory, data) < 0)
        wrong = "is damaged";
    for (hssize_t i = 0; i < n && !wrong; i++) {
        const char *s = variable ? ((char **)data)[i] : data + (size_t)i * size;
        size_t length = !s ? 0 : variable ? strlen(s) : strnlen(s, size);
        while (length && !variable && s[length - 1] == ' ' &&
               H5Tget_strpad(type) == H5T_STR_SPACEPAD)
            length--;
        if (!length || length >= MOST_PATH)
            wrong = length ? "has a text that is too long for a name"
                           : "has a text of no characters";
        else
            add_text(f, into, s, length);
    }
    if (variable)
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, data);
    H5Tclose(memory);
    free(data);
    return wrong;
}

/* False: there is no such attribute. */
static bool add_attribute(H5 *f, const char *group, const char *name, Texts *into)
{
    const char *object = *group ? group : ".";
    if (H5Aexists_by_name(f->file, object, name, H5P_DEFAULT) <= 0)
        return false;
    const char *wrong = "is damaged";
    hid_t attribute = H5Aopen_by_name(f->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute),
          space = attribute < 0 ? -1 : H5Aget_space(attribute);
    if (type >= 0 && space >= 0)
        wrong = read_texts(f, attribute, type, space, into);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (wrong)
        err("%s: attribute \"%s\" of \"/%s\" %s, expected names", f->path, name, group, wrong);
    if (into->n > MOST_TEXTS)
        err("%s: attribute \"%s\" of \"/%s\" is too large", f->path, name, group);
    return true;
}

const char **h5_texts(H5 *f, const char *group, const char *attribute, size_t *n)
{
    static const char *none[1];
    Texts t = {0};
    char name[64];
    bool there = add_attribute(f, group, attribute, &t), chunk = !there;
    for (int i = 0; chunk && i < 1 << 16; i++) {
        snprintf(name, sizeof name, "%s%d", attribute, i);
        chunk = add_attribute(f, group, name, &t);
        there |= chunk;
    }
    *n = t.n;
    return !there ? NULL : t.list ? t.list : none;
}

/* ---- datasets
 * -----------------------------------------------------------------------------------------------------------------------
 */

/* The numbers' type; ST_OTHER for what weights cannot have. */
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
    if (type_of(f, path) != H5O_TYPE_DATASET || (o->set = H5Dopen2(f->file, path, H5P_DEFAULT)) < 0)
        return false;
    o->type = H5Dget_type(o->set);
    o->space = H5Dget_space(o->set);
    o->created = H5Dget_create_plist(o->set);
    return o->type >= 0 && o->space >= 0 && o->created >= 0;
}

/* Where it lies in one piece, as it is; NULL: nowhere. */
static const void *in_place(const H5 *f, const Open *o, size_t bytes)
{
    bool swapped = H5Tget_class(o->type) != H5T_OPAQUE && H5Tget_order(o->type) != H5T_ORDER_LE;
    if (!f->map || H5Pget_layout(o->created) != H5D_CONTIGUOUS ||
        H5Pget_nfilters(o->created) != 0 || swapped)
        return NULL;
    haddr_t at = H5Dget_offset(o->set);
    return at == HADDR_UNDEF || at > f->bytes || bytes > f->bytes - at ? NULL : f->map + at;
}

/* Fills t; what is wrong, or NULL. */
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
    Texts said = {0};
    if (H5Tget_class(o->type) == H5T_OPAQUE && H5Tget_size(o->type) == 2 &&
        add_attribute(f, t->name, "dtype", &said) && said.n == 1 &&
        !strcmp(said.list[0], "bfloat16"))
        t->dtype = ST_BF16; /* Keras 3 writes it so */
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
    enum { SECONDS = 600 }; /* of computing by all threads: the largest, packed, takes some */
    static const hid_t no_type = -1;
    bool ok = false;
#pragma omp critical(latentc_hdf5) /* the library is not for several threads */
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
        err("%s: dataset \"%s\" cannot be read: it is damaged, or packed in a way that is not known here",
            f->path, path);
}

/* ---- all datasets
 * -------------------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const char **names;
    size_t n, cap;
    H5 *f;
} Members;

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    Members *m = context;
    (void)group;
    if (info->type != H5L_TYPE_HARD) /* harmless unless it is needed: then it is missing */
        return 0;
    if (m->n == MOST_OBJECTS)
        return 1;
    if (m->n == m->cap) {
        const char **more = arena_alloc(m->f->arena,
                                        (m->cap = m->cap ? 2 * m->cap : 16) * sizeof *more);
        if (m->n)
            memcpy(more, m->names, m->n * sizeof *more);
        m->names = more;
    }
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
        H5O_type_t type = type_at(f, path);
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
