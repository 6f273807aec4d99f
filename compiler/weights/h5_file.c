/* HDF5 files: opening, closing, links. See h5.h. */
#include "h5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "library_guard.h"

bool h5_signature(const void *head, size_t n)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    for (size_t at = 0; at + 8 <= n; at = at ? 2 * at : 512)
        if (!memcmp((const char *)head + at, signature, 8))
            return true;
    return false;
}

/* ---- open and close ---- */

static void library_begin(void)
{
    static bool ready;
    if (ready)
        return;
    ready = true;
    if (H5open() < 0)
        die("libhdf5 does not start");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* latentc prints its own messages */
    H5PLset_loading_state(0);              /* a file must not load code */
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

/* fapl is closed. name: for the library. */
static void open_with(H5 *f, const char *name, hid_t fapl)
{
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG); /* closes everything that is open in it */
    f->file = H5Fopen(name, H5F_ACC_RDONLY, fapl);
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
    H5Pset_file_locking(fapl, 0, 1); /* it is only read, and network folders often cannot lock */
    map_file(f);
    open_with(f, path, fapl);
    return f;
}

/* ---- files in memory ---- */

/* libhdf5 would copy the bytes; these calls give it the bytes themselves. Nothing writes to them:
 * the file is open for reading. */
static void *image_malloc(size_t n, H5FD_file_image_op_t op, void *context)
{
    (void)n, (void)op;
    return (void *)((const H5 *)context)->map;
}

static void *image_memcpy(void *to, const void *from, size_t n, H5FD_file_image_op_t op,
                          void *context)
{
    (void)op, (void)context;
    return to == from ? to : memcpy(to, from, n);
}

static void *image_realloc(void *at, size_t n, H5FD_file_image_op_t op, void *context)
{
    (void)at, (void)n, (void)op, (void)context;
    return NULL; /* a file that is only read does not grow */
}

static herr_t image_free(void *at, H5FD_file_image_op_t op, void *context)
{
    (void)at, (void)op, (void)context;
    return 0;
}

static void *context_copy(void *context) { return context; }

static herr_t context_free(void *context)
{
    (void)context;
    return 0;
}

H5 *h5_from_memory(const char *path, const void *data, size_t bytes)
{
    H5 *f = h5_new(path);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    f->map = data;
    f->bytes = bytes;
    H5FD_file_image_callbacks_t calls = {
        image_malloc, image_memcpy, image_realloc, image_free, context_copy, context_free, f};
    H5Pset_fapl_core(fapl, 1 << 16, 0);
    H5Pset_file_image_callbacks(fapl, &calls);
    H5Pset_file_image(fapl, (void *)data, bytes);
    /* A name that no file can have, else it is refused; and another for each, else it is taken for
     * one that is open. */
    open_with(f, arena_printf(f->arena, "/dev/null/%p", (void *)f), fapl);
    return f;
}

void h5_close(H5 *f)
{
    enum { SECONDS = 10 };
    library_guard(f->path, "HDF5's library", SECONDS);
    arena_free(f->arena);
    library_guard_end();
}

/* ---- links ---- */

/* Does the path exist, through hard links alone? err() for other links. */
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
            err("%s: \"%s\" is a link to another file or name, which is not followed", f->path, at);
    }
    return true;
}

H5O_type_t h5_type_at(H5 *f, const char *path)
{
    /* H5Oget_info_by_name would be shorter, but its versions differ between HDF5 1.10 and 1.12. */
    hid_t object = H5Oopen(f->file, path, H5P_DEFAULT);
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (object >= 0)
        H5Oclose(object);
    return type == H5I_GROUP      ? H5O_TYPE_GROUP
           : type == H5I_DATASET  ? H5O_TYPE_DATASET
           : type == H5I_DATATYPE ? H5O_TYPE_NAMED_DATATYPE
                                  : H5O_TYPE_UNKNOWN;
}

H5O_type_t h5_type_of(H5 *f, const char *path)
{
    return !*path ? H5O_TYPE_GROUP : reachable(f, path) ? h5_type_at(f, path) : H5O_TYPE_UNKNOWN;
}

bool h5_has_group(H5 *f, const char *path) { return h5_type_of(f, path) == H5O_TYPE_GROUP; }
