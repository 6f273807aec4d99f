/* See container.h; the format is in plan.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mincore */
#endif
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "section_hash.h"
#include "threads.h"

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#endif

static const char *const section_names[LRT_SECTION_COUNT] = {
    [LRT_SECTION_WEIGHTS] = "weights",
    [LRT_SECTION_VOCAB] = "vocabulary",
    [LRT_SECTION_ABOUT] = "description",
    [LRT_SECTION_CODE] = "code",
    [LRT_SECTION_CONTEXT] = "context of the empty prompt",
};

/* "WHAT is wrong; what to do": fmt is the rest of a sentence that begins with the file. */
static bool fail(const lrt_container_file *file, lrt_error *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail(const lrt_container_file *file, lrt_error *e, const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return lrt_fail(e, "%s %s%s%s", file->what, why, file->remedy ? "; " : "",
                    file->remedy ? file->remedy : "");
}

/* What a file is that does not end as a container does, by its first bytes. */
static const char *without_footer(int fd)
{
    static const struct {
        size_t offset;
        const char *bytes, *what;
    } beginnings[] = {
        {8, "{\"", "is a safetensors file, not packed weights"},
        {8, "{}", "is a safetensors file, not packed weights"},
        {0, "\x89HDF", "is an HDF5 file, not packed weights"},
        {0, "GGUF", "is a GGUF file, not packed weights"},
        {0, "PK\3\4", "is a ZIP archive, such as a PyTorch checkpoint, not packed weights"},
    };
    char head[32] = "";
    ssize_t n = pread(fd, head, sizeof head, 0);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t offset = beginnings[i].offset, length = strlen(beginnings[i].bytes);
        if (n >= (ssize_t)(offset + length) && !memcmp(head + offset, beginnings[i].bytes, length))
            return beginnings[i].what;
    }
    return "is truncated or was changed: the weights at its end are missing";
}

static bool read_footer(int fd, const lrt_container_file *file, lrt_footer *f, lrt_error *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return fail(file, e, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(file, e, "is not a regular file");
    off_t size = st.st_size;
    if (size < (off_t)sizeof *f ||
        pread(fd, f, sizeof *f, size - (off_t)sizeof *f) != (ssize_t)sizeof *f ||
        memcmp(f->magic, "latentrt", sizeof f->magic))
        return fail(file, e, "%s", without_footer(fd));
    if (lrt_hash64(f, offsetof(lrt_footer, footer_hash)) != f->footer_hash)
        return fail(file, e, "was changed: its last bytes differ from those that it was made with");
    if (f->version != LRT_PLAN_VERSION || f->n_sections > LRT_SECTION_COUNT ||
        f->n_sections < LRT_SECTION_CODE)
        return fail(file, e, "has version %u of the format: expected %d", f->version,
                    LRT_PLAN_VERSION);
    if (f->file_bytes != (uint64_t)size)
        return fail(file, e,
                    "has %lld bytes, but was made with %llu: it is truncated or was changed",
                    (long long)size, (unsigned long long)f->file_bytes);
    return true;
}

static int open_file(const lrt_container_file *file, lrt_error *e)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(file, e, "cannot be opened: %s", strerror(errno));
    return fd;
}

bool lrt_footer_read(const lrt_container_file *file, lrt_footer *f, lrt_error *e)
{
    int fd = open_file(file, e);
    bool ok = fd >= 0 && read_footer(fd, file, f, e);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool map_section(int fd, const lrt_container_file *file, const lrt_footer *f, int i,
                        const void **out, lrt_error *e)
{
    const lrt_section *s = &f->sections[i];
    *out = NULL;
    if (!s->bytes)
        return true;
    if (s->offset % 65536 || s->offset > f->file_bytes || s->bytes > f->file_bytes - s->offset)
        return fail(file, e, "was changed: its %s lie outside it", section_names[i]);
    void *p = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, (off_t)s->offset);
    if (p == MAP_FAILED)
        return fail(file, e, "has %s that cannot be mapped: %s", section_names[i], strerror(errno));
    *out = p;
    /* only advice: huge pages where the file system has them; to start reading what is not in
     * memory */
    madvise(p, s->bytes, MADV_HUGEPAGE);
    madvise(p, s->bytes, MADV_WILLNEED);
    return true;
}

/* The sections in the order of their offsets. */
static void sort_sections(const lrt_footer *f, lrt_section sorted[LRT_SECTION_COUNT])
{
    for (int i = 0; i < LRT_SECTION_COUNT; i++) {
        int k = i;
        for (; k > 0 && sorted[k - 1].offset > f->sections[i].offset; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = f->sections[i];
    }
}

/* Whether the bytes from `from` to `to` are zero. */
static bool is_padding(int fd, uint64_t from, uint64_t to)
{
    static const char zeros[4096];
    char block[sizeof zeros];
    for (uint64_t n; from < to; from += n) {
        n = to - from < sizeof block ? to - from : sizeof block;
        if (pread(fd, block, n, (off_t)from) != (ssize_t)n || memcmp(block, zeros, n))
            return false;
    }
    return true;
}

/* Everything that the hashes of the other sections do not cover: the code, and padding. */
static bool check_code(int fd, const lrt_container_file *file, const lrt_footer *f, lrt_error *e)
{
    lrt_section sorted[LRT_SECTION_COUNT];
    uint64_t end = 0;
    sort_sections(f, sorted);
    for (int i = 0; i <= LRT_SECTION_COUNT; i++) {
        uint64_t next = i < LRT_SECTION_COUNT ? sorted[i].offset : f->file_bytes - sizeof *f;
        if (i < LRT_SECTION_COUNT && !sorted[i].bytes)
            continue;
        if (next < end || !is_padding(fd, end, next))
            return fail(
                file, e,
                "was changed: bytes between its sections are not those that it was made with");
        end = i < LRT_SECTION_COUNT ? next + sorted[i].bytes : next;
    }
    const void *code;
    const lrt_section *s = &f->sections[LRT_SECTION_CODE];
    if (!map_section(fd, file, f, LRT_SECTION_CODE, &code, e))
        return false;
    /* in this thread: the code that starts others may be damaged, too */
    bool same = !code || lrt_hash_section(code, s->bytes) == s->hash;
    if (code)
        munmap((void *)(uintptr_t)code, s->bytes);
    return same || fail(file, e, "was changed: its code differs from that which it was made with");
}

bool lrt_container_check_code(const lrt_container_file *file, lrt_error *e)
{
    lrt_footer f;
    int fd = open_file(file, e);
    bool ok = fd >= 0 && read_footer(fd, file, &f, e) && check_code(fd, file, &f, e);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A chunk of a section: *n bytes at the result. */
static const char *chunk_at(const lrt_container *c, int section, uint64_t chunk, size_t *n)
{
    uint64_t rest = c->footer.sections[section].bytes - chunk * LRT_HASH_CHUNK;
    *n = rest < LRT_HASH_CHUNK ? (size_t)rest : LRT_HASH_CHUNK;
    return (const char *)c->section[section] + chunk * LRT_HASH_CHUNK;
}

/* Whether the file's bytes there are in memory: a look at the first page. */
static bool is_resident(const void *p)
{
    unsigned char in_core = 1;
    return mincore((void *)(uintptr_t)p, 1, &in_core) || (in_core & 1);
}

/* Enters the pages into the process's page table. A kernel that has no such call gets a read from
 * each page. */
static void map_pages(const char *p, size_t n)
{
    if (!madvise((void *)(uintptr_t)p, n, MADV_POPULATE_READ) || errno != EINVAL)
        return;
    for (size_t i = 0; i < n; i += 4096)
        (void)*(const volatile char *)(p + i);
}

void lrt_container_prepare(const lrt_container *c, uint64_t offset, uint64_t bytes)
{
    if (!c->section[LRT_SECTION_WEIGHTS] || !bytes)
        return;
    uint64_t first = offset / LRT_HASH_CHUNK, end = lrt_hash_chunks(offset + bytes);
#pragma omp parallel for schedule(dynamic, 1) num_threads(lrt_chosen_threads())
    for (uint64_t i = first; i < end; i++) {
        size_t n;
        const char *p = chunk_at(c, LRT_SECTION_WEIGHTS, i, &n);
        if (is_resident(p))
            map_pages(p, n);
    }
}

/* Whether the section has the hash that it was made with. false, with *e, when memory is short. */
static bool hash_section(const lrt_container *c, int section, bool *same, lrt_error *e)
{
    uint64_t bytes = c->footer.sections[section].bytes, chunks = lrt_hash_chunks(bytes),
             *hash = calloc(chunks, sizeof *hash);
    if (!hash)
        return lrt_fail(e, "out of memory");
    int threads = chunks > 1 ? lrt_chosen_threads() : 1; /* it may start some to count them */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (uint64_t i = 0; i < chunks; i++) {
        size_t n;
        const char *p = chunk_at(c, section, i, &n);
        madvise((void *)(uintptr_t)p, n, MADV_POPULATE_READ); /* else page by page, as it is read */
        hash[i] = lrt_hash_chunk(p, n);
    }
    *same = lrt_hash_fold(hash, bytes) == c->footer.sections[section].hash;
    free(hash);
    return true;
}

bool lrt_container_check(lrt_container *c, lrt_error *e)
{
    for (int i = 0; i < LRT_SECTION_COUNT; i++) {
        bool same = true;
        if (c->unchecked >> i & 1 && c->section[i] && !hash_section(c, i, &same, e))
            return false;
        if (!same)
            return fail(&c->file, e, "was changed: its %s differ from those that it was made with",
                        section_names[i]);
    }
    c->unchecked = 0;
    return true;
}

bool lrt_container_open(const lrt_container_file *file, unsigned sections, unsigned later,
                        lrt_container *c, lrt_error *e)
{
    *c = (lrt_container){.file = *file};
    int fd = open_file(file, e);
    if (fd < 0)
        return false;
    bool ok = read_footer(fd, file, &c->footer, e);
    if (ok && c->footer.layout_hash != file->layout_hash)
        ok = fail(file, e, "was packed for other code: its layout is %016llx, expected %016llx",
                  (unsigned long long)c->footer.layout_hash, (unsigned long long)file->layout_hash);
    ok = ok && (file->code_checked || check_code(fd, file, &c->footer, e));
    for (int i = 0; i < LRT_SECTION_COUNT && ok; i++)
        if (sections >> i & 1)
            ok = map_section(fd, file, &c->footer, i, &c->section[i], e);
    close(fd);
    c->unchecked = sections & ~later;
    ok = ok && lrt_container_check(c, e);
    c->unchecked = sections & later;
    if (!ok)
        lrt_container_close(c);
    return ok;
}

void lrt_container_close(lrt_container *c)
{
    for (int i = 0; i < LRT_SECTION_COUNT; i++)
        if (c->section[i]) {
            munmap((void *)(uintptr_t)c->section[i], c->footer.sections[i].bytes);
            c->section[i] = NULL;
        }
}
