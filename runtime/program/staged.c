/* See staged.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hash.h"
#include "output.h"

/* The lock of a copy, which ends with the process at the latest. -1, with *e. */
static int lock(const char *copy, lrt_error *e)
{
    char *name = NULL;
    int fd = asprintf(&name, "%s.lock", copy) < 0 ? -1
                                                  : open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    bool locked = fd >= 0;
    while (locked && flock(fd, LOCK_EX))
        locked = errno == EINTR;
    if (!locked) {
        lrt_fail(e, "--stage-to: %s: cannot be written: %s", name ? name : copy, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(name);
    return fd;
}

static bool copy_bytes(const char *from, const char *to, lrt_error *e)
{
    enum { BLOCK = 1 << 20 };
    lrt_output out;
    FILE *in = fopen(from, "rb");
    char *block = malloc(BLOCK);
    size_t n;
    if (!in || !block || !lrt_output_open(&out, to, e)) {
        if (!in)
            lrt_fail(e, "%s: cannot be read: %s", from, strerror(errno));
        if (in)
            fclose(in);
        free(block);
        return false;
    }
    while ((n = fread(block, 1, BLOCK, in)) > 0 && fwrite(block, 1, n, out.stream) == n)
        ;
    bool read = !ferror(in);
    fclose(in);
    free(block);
    if (read)
        return lrt_output_commit(&out, e);
    lrt_output_abandon(&out);
    return lrt_fail(e, "%s: cannot be read", from);
}

/* Whether the copy is there and has this footer. */
static bool is_there(const lrt_container_file *copy, const lrt_footer *footer)
{
    lrt_footer other;
    lrt_error why;
    return lrt_footer_read(copy, &other, &why) && !memcmp(&other, footer, sizeof other);
}

/* Reads all of a new copy. */
static bool check(const lrt_container_file *copy, lrt_error *e)
{
    lrt_container c = {0};
    lrt_error why;
    if (lrt_container_open(copy, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB | LRT_MAP_CONTEXT, 0, &c, &why)) {
        lrt_container_close(&c);
        return true;
    }
    unlink(copy->path);
    return lrt_fail(e, "--stage-to: the copy is damaged: %s", why.text);
}

char *lrt_staged(const lrt_container_file *file, const char *folder, lrt_error *e)
{
    lrt_footer footer;
    char *copy = NULL;
    const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;
    if (!lrt_footer_read(file, &footer, e))
        return NULL;
    if (asprintf(&copy, "%s/%s-%016llx", folder, name,
                 (unsigned long long)lrt_hash64(&footer, sizeof footer)) < 0) {
        lrt_fail(e, "out of memory");
        return NULL;
    }
    lrt_container_file staged = *file;
    staged.path = copy;
    int fd = lock(copy, e);
    bool ok = fd >= 0 && (is_there(&staged, &footer) ||
                          (copy_bytes(file->path, copy, e) && check(&staged, e)));
    if (fd >= 0)
        close(fd);
    if (ok)
        return copy;
    free(copy);
    return NULL;
}
