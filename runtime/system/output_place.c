/* See output_place.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif
#include "output_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grow.h"

/* ---- names ---- */

/* Always false. */
static bool cannot(lrt_error *e, const char *path, int reason)
{
    if (!*path)
        return lrt_fail(e, "the name of the output is empty: expected a file");
    return lrt_fail(e, "%s: cannot be written: %s", path, strerror(reason));
}

/* The length of the folder's part of a path, its slash included. */
static size_t folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

char *lrt_output_target(const char *path, lrt_error *e)
{
    enum { MOST_LINKS = 40 };
    char *at = strdup(path), link[PATH_MAX];
    for (int i = 0; at && i < MOST_LINKS; i++) {
        ssize_t n = readlink(at, link, sizeof link - 1);
        if (n < 0)
            return at;
        link[n] = 0;
        size_t folder = *link == '/' ? 0 : folder_of(at);
        char *next = malloc(folder + (size_t)n + 1);
        if (next) {
            memcpy(next, at, folder);
            memcpy(next + folder, link, (size_t)n + 1);
        }
        free(at);
        at = next;
    }
    if (at)
        cannot(e, path, ELOOP);
    else
        lrt_fail(e, "%s: out of memory", path);
    free(at);
    return NULL;
}

char *lrt_output_identity(const char *path, lrt_error *e)
{
    char *target = lrt_output_target(path, e);
    if (!target)
        return NULL;
    size_t n = folder_of(target), length = strlen(target + n);
    char *folder = n ? strndup(target, n) : strdup("."),
         *real = folder ? realpath(folder, NULL) : NULL;
    char *identity = real ? malloc(strlen(real) + length + 2) : NULL;
    if (identity)
        sprintf(identity, "%s/%s", real, target + n);
    free(folder);
    free(real);
    if (!identity)
        return target;
    free(target);
    return identity;
}

static const char middle[] = ".tmp.";

char *lrt_output_temporary(const char *target, const char *ending)
{
    size_t n = strlen(target) + strlen(ending) + 32;
    char *name = malloc(n);
    if (name)
        snprintf(name, n, "%s%s%ld%s", target, middle, (long)getpid(), ending);
    return name;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

/* The process in a temporary name of `base`; 0: the name is none. */
static pid_t process_in(const char *name, const char *base, size_t n)
{
    if (strncmp(name, base, n) || strncmp(name + n, middle, sizeof middle - 1))
        return 0;
    char *end;
    const char *digits = name + n + sizeof middle - 1;
    long pid = *digits >= '1' && *digits <= '9' ? strtol(digits, &end, 10) : 0;
    return pid > 0 && pid <= INT_MAX && (!*end || *end == '.') ? (pid_t)pid : 0;
}

void lrt_output_sweep(const char *target)
{
    size_t n = folder_of(target), length = strlen(target + n);
    char *folder = n ? strndup(target, n) : strdup(".");
    DIR *d = folder && length ? opendir(folder) : NULL;
    for (struct dirent *f; d && (f = readdir(d));) {
        pid_t pid = process_in(f->d_name, target + n, length);
        if (!pid || pid == getpid() || !kill(pid, 0) || errno != ESRCH)
            continue;
        char path[PATH_MAX];
        int used = snprintf(path, sizeof path, "%.*s%s", (int)n, target, f->d_name);
        if (used > 0 && (size_t)used < sizeof path)
            nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    if (d)
        closedir(d);
    free(folder);
}

/* ---- what may be written ---- */

/* Makes the temporary file, to see whether that works. */
static bool try_place(const char *path, const char *target, lrt_error *e)
{
    char *name = lrt_output_temporary(target, ".try");
    if (!name)
        return lrt_fail(e, "%s: out of memory", path);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), reason = errno;
    if (fd >= 0) {
        close(fd);
        unlink(name);
    }
    free(name);
    return fd >= 0 || cannot(e, path, reason);
}

static bool is_standard(const char *path) { return !strcmp(path, "-"); }

bool lrt_output_possible(const char *path, lrt_error *e)
{
    struct stat st;
    if (is_standard(path))
        return true;
    if (!*path)
        return cannot(e, path, ENOENT);
    if (!stat(path, &st)) {
        if (S_ISDIR(st.st_mode))
            return cannot(e, path, EISDIR);
        if (!S_ISREG(st.st_mode))
            return !access(path, W_OK) || cannot(e, path, errno);
    }
    char *target = lrt_output_target(path, e);
    bool ok = target && try_place(path, target, e);
    free(target);
    return ok;
}

/* A file by its device and inode, and by its folder's and its name, for one that is not there yet.
 */
typedef struct {
    bool there, regular, update;
    dev_t device, folder_device;
    ino_t inode, folder_inode;
    char *name;
} Identity;
/* The protected files and the claimed outputs of this process. */
typedef struct {
    Identity *list;
    size_t n, cap;
} Identities;
static Identities protected_files, claimed;

static bool identify(const char *path, Identity *id, lrt_error *e)
{
    struct stat st;
    *id = (Identity){.regular = true};
    if (!stat(path, &st)) {
        id->there = true;
        id->regular = S_ISREG(st.st_mode);
        id->device = st.st_dev;
        id->inode = st.st_ino;
    }
    char *target = lrt_output_target(path, e);
    if (!target)
        return false;
    size_t n = folder_of(target);
    char *folder = n ? strndup(target, n) : strdup(".");
    id->name = strdup(target + n);
    free(target);
    if (folder && !stat(folder, &st)) {
        id->folder_device = st.st_dev;
        id->folder_inode = st.st_ino;
    }
    free(folder);
    return id->name || lrt_fail(e, "%s: out of memory", path);
}

static bool same(const Identity *a, const Identity *b)
{
    if (a->there && b->there && a->device == b->device && a->inode == b->inode)
        return true;
    return a->folder_inode && a->folder_device == b->folder_device &&
           a->folder_inode == b->folder_inode && !strcmp(a->name, b->name);
}

static const Identity *find(const Identities *l, const Identity *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (same(&l->list[i], id))
            return &l->list[i];
    return NULL;
}

/* Takes over id->name. */
static bool add(Identities *l, Identity *id, const char *path, lrt_error *e)
{
    Identity *more = l->n < l->cap ? l->list : lrt_grown(l->list, &l->cap, sizeof *more);
    if (!more) {
        free(id->name);
        return lrt_fail(e, "%s: out of memory", path);
    }
    l->list = more;
    l->list[l->n++] = *id;
    return true;
}

static bool refuse_input(const char *path, lrt_error *e)
{
    return lrt_fail(e, "%s: is read, so it cannot be an output, too", path);
}

bool lrt_output_protect(const char *path, lrt_error *e)
{
    Identity id;
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return true;
    if (!identify(path, &id, e))
        return false;
    const Identity *output = find(&claimed, &id);
    if (output || find(&protected_files, &id)) {
        free(id.name);
        return !output || output->update || refuse_input(path, e);
    }
    return add(&protected_files, &id, path, e);
}

bool lrt_output_unprotected(const char *path, lrt_error *e)
{
    Identity id;
    if (!identify(path, &id, e))
        return false;
    bool input = id.regular && find(&protected_files, &id);
    free(id.name);
    return !input || refuse_input(path, e);
}

/* lrt_output_free; leaves the identity, whose name is NULL on failure. */
static bool is_free(const char *path, Identity *id, lrt_error *e)
{
    struct stat st;
    id->name = NULL;
    if (!lrt_output_unprotected(path, e) || !identify(path, id, e))
        return false;
    bool twice = find(&claimed, id) != NULL;
    if (twice && !stat(path, &st) && S_ISCHR(st.st_mode))
        twice = false;
    if (!twice)
        return true;
    free(id->name);
    id->name = NULL;
    return lrt_fail(e, "%s: two outputs have this name, or are links to one file", path);
}

bool lrt_output_free(const char *path, lrt_error *e)
{
    Identity id;
    if (is_standard(path))
        return true;
    bool ok = is_free(path, &id, e);
    if (ok)
        free(id.name);
    return ok;
}

bool lrt_output_claim(const char *path, lrt_error *e)
{
    Identity id;
    if (is_standard(path))
        return true;
    return lrt_output_possible(path, e) && is_free(path, &id, e) && add(&claimed, &id, path, e);
}

bool lrt_output_claim_update(const char *path, lrt_error *e)
{
    Identity id;
    if (!identify(path, &id, e))
        return false;
    const Identity *before = find(&claimed, &id);
    free(id.name);
    if (before && before->update)
        return true;
    if (!is_free(path, &id, e))
        return false;
    id.update = true;
    return add(&claimed, &id, path, e);
}

void lrt_output_forget(void)
{
    Identities *const lists[] = {&protected_files, &claimed};
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->n; i++)
            free(lists[k]->list[i].name);
        free(lists[k]->list);
        *lists[k] = (Identities){0};
    }
}
