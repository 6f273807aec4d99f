/* Zip archives: see archive.h. */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "alloc.h"
#include "arena.h"
#include "err.h"
#include "reading.h"

/* libzip reads the archive through these bytes. It has no call that says where an entry lies, so
 * the place of its last reading is kept. */
typedef struct {
    const unsigned char *data;
    size_t bytes, at, last;
    zip_error_t error;
} Bytes;

/* One unpacked entry. */
typedef struct Unpacked {
    int fd;
    void *map; /* NULL: not yet */
    size_t bytes;
    struct Unpacked *next;
} Unpacked;

struct Archive {
    Arena *arena;
    const char *path;
    Bytes of;
    bool mapped;
    Reading *reading;
    zip_t *zip;
    Unpacked *unpacked;
};

bool archive_signature(const void *head, size_t n)
{
    return n >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
}

/* ---- what libzip reads ---- */

static zip_int64_t bytes_read(Bytes *b, void *to, zip_uint64_t n)
{
    if (n > b->bytes - b->at)
        n = b->bytes - b->at;
    memcpy(to, b->data + b->at, n);
    b->last = b->at;
    b->at += n;
    return (zip_int64_t)n;
}

static zip_int64_t bytes_call(void *state, void *data, zip_uint64_t n, zip_source_cmd_t cmd)
{
    Bytes *b = state;
    if (cmd == ZIP_SOURCE_READ)
        return bytes_read(b, data, n);
    if (cmd == ZIP_SOURCE_TELL)
        return (zip_int64_t)b->at;
    if (cmd == ZIP_SOURCE_ERROR)
        return zip_error_to_data(&b->error, data, n);
    if (cmd == ZIP_SOURCE_SUPPORTS)
        return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    if (cmd == ZIP_SOURCE_SEEK) {
        zip_int64_t at = zip_source_seek_compute_offset(b->at, b->bytes, data, n, &b->error);
        if (at < 0)
            return -1;
        b->at = (size_t)at;
        return 0;
    }
    if (cmd == ZIP_SOURCE_STAT) {
        zip_stat_t *st = data;
        zip_stat_init(st);
        st->size = b->bytes;
        st->valid = ZIP_STAT_SIZE;
        return sizeof *st;
    }
    if (cmd == ZIP_SOURCE_OPEN)
        b->at = 0;
    return cmd == ZIP_SOURCE_OPEN || cmd == ZIP_SOURCE_CLOSE || cmd == ZIP_SOURCE_FREE ? 0 : -1;
}

/* ---- open and close ---- */

static void release(void *context)
{
    Archive *z = context;
    if (z->zip)
        zip_discard(z->zip);
    zip_error_fini(&z->of.error);
    for (Unpacked *u = z->unpacked; u; u = u->next) {
        close(u->fd);
        if (u->map)
            munmap(u->map, u->bytes);
    }
    if (z->mapped)
        munmap((void *)z->of.data, z->of.bytes);
    reading_end(z->reading);
}

static Archive *new_archive(const char *path)
{
    Arena *a = arena_new();
    Archive *z = arena_alloc(a, sizeof *z);
    z->arena = a;
    z->path = arena_strdup(a, path);
    zip_error_init(&z->of.error);
    arena_at_end(a, release, z); /* also when err() is caught */
    return z;
}

static void open_zip(Archive *z)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_function_create(bytes_call, &z->of, &error);
    z->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!z->zip) {
        const char *why = arena_strdup(z->arena, zip_error_strerror(&error));
        if (source)
            zip_source_free(source);
        zip_error_fini(&error);
        err("%s: not a zip archive, cut or damaged (%s)", z->path, why);
    }
}

/* Does the name lead out of the folder in which the archive would be unpacked? */
static bool climbs(const char *name)
{
    if (*name == '/' || *name == '\\' || strchr(name, ':'))
        return true;
    for (const char *p = name; *p; p += strspn(p, "/\\")) {
        size_t n = strcspn(p, "/\\");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += n;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_names(Archive *z)
{
    size_t n = (size_t)zip_get_num_entries(z->zip, 0);
    const char **names = arena_alloc(z->arena, (n + 1) * sizeof *names);
    for (size_t i = 0; i < n; i++) {
        names[i] = zip_get_name(z->zip, i, 0);
        if (!names[i])
            err("%s: the name of entry %zu is damaged", z->path, i);
        if (climbs(names[i]))
            err("%s: entry \"%s\" leads out of the archive's folder; expected a model that Keras saved",
                z->path, names[i]);
    }
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 1; i < n; i++)
        if (!by_text(&names[i - 1], &names[i]))
            err("%s: entry \"%s\" is there twice", z->path, names[i]);
}

Archive *archive_from_memory(const char *path, const void *data, size_t bytes)
{
    Archive *z = new_archive(path);
    z->of.data = data;
    z->of.bytes = bytes;
    open_zip(z);
    check_names(z);
    return z;
}

Archive *archive_open(const char *path)
{
    Archive *z = new_archive(path);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s", path, strerror(errno));
    z->reading = reading_begin(path, fd);
    void *map = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                               : MAP_FAILED;
    if (map == MAP_FAILED)
        err("%s: not a zip archive, but an empty file, a folder or a device", path);
    z->of.data = map;
    z->of.bytes = (size_t)st.st_size;
    z->mapped = true;
    open_zip(z);
    check_names(z);
    return z;
}

void archive_close(Archive *z)
{
    if (z)
        arena_free(z->arena);
}

/* ---- entries ---- */

bool archive_has(const Archive *z, const char *name)
{
    return zip_name_locate(z->zip, name, 0) >= 0;
}

/* Bounds against archives that unpack to far more than they have: deflate never writes more than
 * 1032 bytes for one; weights shrink by a tenth. */
enum { MOST_TIMES = 100, ALWAYS_FINE = 256 << 20 };

static void check_sizes(const Archive *z, const zip_stat_t *st)
{
    bool stored = st->comp_method == ZIP_CM_STORE;
    if (st->comp_size > z->of.bytes || (stored && st->size != st->comp_size))
        err("%s: entry \"%s\" claims %" PRIu64 " bytes, the archive has %zu: cut or damaged",
            z->path, st->name, st->size > st->comp_size ? st->size : st->comp_size, z->of.bytes);
    if (!stored && st->size > ALWAYS_FINE && st->size / MOST_TIMES > st->comp_size)
        err("%s: entry \"%s\" claims to unpack from %" PRIu64 " to %" PRIu64
            " bytes, expected at most %d times as many",
            z->path, st->name, st->comp_size, st->size, MOST_TIMES);
}

static zip_stat_t entry(const Archive *z, const char *name)
{
    zip_stat_t st;
    const zip_uint64_t all = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat(z->zip, name, 0, &st))
        err("%s: has no %s; expected a model that Keras 3 saved: config.json and model.weights.h5",
            z->path, name);
    if ((st.valid & all) != all)
        err("%s: entry \"%s\" is damaged", z->path, name);
    if (st.valid & ZIP_STAT_ENCRYPTION_METHOD && st.encryption_method != ZIP_EM_NONE)
        err("%s: entry \"%s\" is encrypted, expected an archive without a password", z->path, name);
    if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
        err("%s: entry \"%s\" is compressed by method %u, expected stored or deflated", z->path,
            name, st.comp_method);
    check_sizes(z, &st);
    return st;
}

static zip_file_t *open_entry(const Archive *z, const zip_stat_t *st)
{
    zip_file_t *f = zip_fopen_index(z->zip, st->index, 0);
    if (!f)
        err("%s: entry \"%s\" is damaged (%s)", z->path, st->name, zip_strerror(z->zip));
    return f;
}

/* Reads the whole entry, n bytes at a time, and gives each run to `take`. libzip compares the
 * checksum at the end. */
static void read_entry(const Archive *z, const zip_stat_t *st, char *run, size_t n,
                       void (*take)(void *context, const char *run, size_t n), void *context)
{
    zip_file_t *f = open_entry(z, st);
    zip_uint64_t sum = 0;
    zip_int64_t got;
    while ((got = zip_fread(f, run, n)) > 0 && sum + (zip_uint64_t)got <= st->size) {
        take(context, run, (size_t)got);
        sum += (zip_uint64_t)got;
    }
    bool checksum = zip_error_code_zip(zip_file_get_error(f)) == ZIP_ER_CRC;
    zip_fclose(f);
    if (got || sum != st->size)
        err("%s: entry \"%s\" is damaged: %s", z->path, st->name,
            checksum ? "its checksum is another" : "it cannot be unpacked to its size");
}

enum { RUN = 1 << 20 };

typedef struct {
    char *data;
    size_t len;
} Text;

static void add_text(void *context, const char *run, size_t n)
{
    Text *t = context;
    memcpy(t->data + t->len, run, n);
    t->len += n;
}

const char *archive_text(Archive *z, const char *name, size_t most, size_t *len)
{
    zip_stat_t st = entry(z, name);
    if (st.size > most)
        err("%s: entry \"%s\" has %" PRIu64 " bytes, expected at most %zu", z->path, name, st.size,
            most);
    Text t = {.data = arena_alloc(z->arena, st.size + 1)};
    char *run = arena_alloc(z->arena, RUN);
    read_entry(z, &st, run, RUN, add_text, &t);
    *len = t.len;
    return t.data;
}

/* ---- large entries ---- */

/* The pages of a mapped archive that were read for the checksum alone leave this process's memory.
 */
static void forget_pages(const unsigned char *at, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)at + bytes,
              first = ((uintptr_t)at + page - 1) / page * page;
    if (end > first)
        (void)madvise((void *)first, (end - first) / page * page, MADV_DONTNEED);
}

/* How far the checksum of a mapped entry is; at NULL: it is not mapped. */
typedef struct {
    const unsigned char *begin, *at;
} Passed;

static void pass_over(void *context, const char *run, size_t n)
{
    Passed *p = context;
    (void)run;
    if (!p->at)
        return;
    p->at += n; /* from the begin: the system maps some pages around each that is read */
    forget_pages(p->begin, (size_t)(p->at - p->begin));
}

/* Where a stored entry lies in the archive: where libzip reads its first byte. */
static const unsigned char *place_of(Archive *z, const zip_stat_t *st)
{
    unsigned char first;
    zip_file_t *f = open_entry(z, st);
    zip_int64_t got = zip_fread(f, &first, 1);
    size_t at = z->of.last;
    zip_fclose(f);
    if (got != 1 || st->size > z->of.bytes - at || z->of.data[at] != first)
        err("%s: entry \"%s\" ends after the end of the archive: cut or damaged", z->path,
            st->name);
    return z->of.data + at;
}

/* A file without a name. */
static int scratch_file(const Archive *z, const zip_stat_t *st)
{
    const char *folder = getenv("TMPDIR");
    folder = folder && *folder ? folder : "/var/tmp";
    char *path = arena_printf(z->arena, "%s/latentc.XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0)
        err("%s: entry \"%s\" is compressed and must be unpacked, but no file can be made in %s: %s",
            z->path, st->name, folder, strerror(errno));
    unlink(path);
    return fd;
}

typedef struct {
    const Archive *of;
    const zip_stat_t *st;
    int fd;
} Scratch;

static void add_to_file(void *context, const char *run, size_t n)
{
    const Scratch *s = context;
    while (n) {
        ssize_t did = write(s->fd, run, n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            err("%s: entry \"%s\" is compressed and must be unpacked, %" PRIu64
                " bytes: %s; TMPDIR=FOLDER names another folder",
                s->of->path, s->st->name, s->st->size, strerror(errno));
        run += did;
        n -= (size_t)did;
    }
}

static const void *unpack(Archive *z, const zip_stat_t *st, char *run)
{
    Unpacked *u = arena_alloc(z->arena, sizeof *u);
    *u = (Unpacked){.fd = scratch_file(z, st), .bytes = st->size, .next = z->unpacked};
    z->unpacked = u;
    Scratch s = {z, st, u->fd};
    read_entry(z, st, run, RUN, add_to_file, &s);
    void *map = mmap(NULL, u->bytes, PROT_READ, MAP_PRIVATE, u->fd, 0);
    if (map == MAP_FAILED)
        err("%s: entry \"%s\": no memory for %zu bytes", z->path, st->name, u->bytes);
    return u->map = map;
}

const void *archive_mapped(Archive *z, const char *name, size_t *bytes)
{
    zip_stat_t st = entry(z, name);
    if (!st.size)
        err("%s: entry \"%s\" is empty", z->path, name);
    char *run = arena_alloc(z->arena, RUN);
    *bytes = st.size;
    if (st.comp_method != ZIP_CM_STORE)
        return unpack(z, &st, run);
    const unsigned char *at = place_of(z, &st);
    read_entry(z, &st, run, RUN, pass_over, &(Passed){at, z->mapped ? at : NULL});
    return at;
}
