/* See host.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* secure_getenv, dl_iterate_phdr */
#endif
#include "host.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* `path` below the root. false: it does not fit. */
static bool below_root(const char *path, char *full, size_t n)
{
    const char *root = secure_getenv("LATENTC_SYSTEM_ROOT");
    return (size_t)snprintf(full, n, "%s%s", root ? root : "", path) < n;
}

static FILE *host_open(const char *path)
{
    char full[PATH_MAX];
    return below_root(path, full, sizeof full) ? fopen(full, "r") : NULL;
}

bool lrt_host_read(const char *path, char *text, size_t n)
{
    *text = 0;
    FILE *f = host_open(path);
    if (!f)
        return false;
    size_t got = fread(text, 1, n - 1, f);
    fclose(f);
    text[got] = 0;
    return got > 0;
}

long lrt_host_number(const char *path, long otherwise)
{
    char text[64], *end;
    if (!lrt_host_read(path, text, sizeof text))
        return otherwise;
    errno = 0;
    long n = strtol(text, &end, 10);
    return end == text || errno ? otherwise : n;
}

const char *lrt_host_program(void)
{
    static char own[PATH_MAX];
    const char *started = (const char *)getauxval(AT_EXECFN);
    if (!below_root("/proc/self/exe", own, sizeof own) || access(own, R_OK))
        snprintf(own, sizeof own, "%s", started ? started : "");
    return own;
}

bool lrt_host_program_path(char *path, size_t n)
{
    char real[PATH_MAX];
    return realpath(lrt_host_program(), real) && (size_t)snprintf(path, n, "%s", real) < n;
}

/* From the list of mappings: it has absolute paths. */
static bool mapped_file(const void *p, char *path, size_t n)
{
    FILE *maps = host_open("/proc/self/maps");
    char line[PATH_MAX + 128];
    bool found = false;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long long begin, end;
        int at = 0;
        if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &begin, &end, &at) < 2 || at == 0)
            continue;
        if ((uintptr_t)p < begin || (uintptr_t)p >= end || line[at] != '/')
            continue;
        line[strcspn(line, "\n")] = 0;
        found = (size_t)snprintf(path, n, "%s", line + at) < n;
    }
    if (maps)
        fclose(maps);
    return found;
}

typedef struct {
    uintptr_t code;
    char name[PATH_MAX];
    bool found;
} Loaded;

/* Whether the code lies in this object; its name as the dynamic linker knows it, "" for the
 * program. */
static int look_at_object(struct dl_phdr_info *object, size_t size, void *user)
{
    Loaded *l = user;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum && !l->found; i++) {
        uintptr_t begin = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        l->found = object->dlpi_phdr[i].p_type == PT_LOAD && l->code >= begin &&
                   l->code - begin < object->dlpi_phdr[i].p_memsz;
    }
    if (l->found)
        snprintf(l->name, sizeof l->name, "%s", object->dlpi_name);
    return l->found;
}

bool lrt_host_file_of_code(const void *p, char *path, size_t n)
{
    if (mapped_file(p, path, n))
        return true;
    Loaded l = {.code = (uintptr_t)p};
    char real[PATH_MAX];
    if (!dl_iterate_phdr(look_at_object, &l))
        return false;
    return *l.name ? realpath(l.name, real) && (size_t)snprintf(path, n, "%s", real) < n
                   : lrt_host_program_path(path, n);
}
