/* See output.h. */
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names of temporary files, for the signal handler: written before the file exists, cleared after it is gone. */
enum { SLOTS = 8 };
static char *volatile temporary[SLOTS];

static void remove_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (temporary[i])
            unlink(temporary[i]);
}

static void on_signal(int number)
{
    remove_all();
    signal(number, SIG_DFL);
    raise(number);
}

void lrt_output_guard(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};
    sigfillset(&a.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN) /* nohup stays in force */
            sigaction(numbers[i], &a, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    atexit(remove_all);
}

/* "path: reason"; always false. */
static bool fail(lrt_error *e, const char *path)
{
    return lrt_fail(e, "%s: %s", path, strerror(errno));
}

bool lrt_output_open(lrt_output *o, const char *path, lrt_error *e)
{
    *o = (lrt_output){.slot = 0};
    struct stat st;
    if (!*path || (!stat(path, &st) && S_ISDIR(st.st_mode))) {
        errno = *path ? EISDIR : ENOENT;
        return fail(e, path);
    }
    while (o->slot < SLOTS && temporary[o->slot])
        o->slot++;
    size_t n = strlen(path) + 32;
    char *name = malloc(n);
    o->path = strdup(path);
    if (o->slot == SLOTS || !name || !o->path) {
        free(name);
        free(o->path);
        return lrt_fail(e, "%s: out of memory", path);
    }
    snprintf(name, n, "%s.tmp.%ld", path, (long)getpid());
    temporary[o->slot] = name;
    o->stream = fopen(name, "wb");
    if (o->stream)
        return true;
    fail(e, path);
    lrt_output_abandon(o);
    return false;
}

static void forget(lrt_output *o)
{
    char *name = temporary[o->slot];
    temporary[o->slot] = NULL;
    free(name);
    free(o->path);
    *o = (lrt_output){.slot = 0};
}

void lrt_output_abandon(lrt_output *o)
{
    if (!o->path)
        return;
    if (o->stream) {
        fclose(o->stream);
        unlink(temporary[o->slot]);
    }
    forget(o);
}

bool lrt_output_commit(lrt_output *o, lrt_error *e)
{
    bool ok = !ferror(o->stream) && !fflush(o->stream);
    if (ok && fsync(fileno(o->stream)) && errno != EINVAL && errno != EROFS)
        ok = false;
    if (ok) {
        ok = !fclose(o->stream);
        o->stream = NULL;
    }
    if (ok && !rename(temporary[o->slot], o->path)) {
        forget(o);
        return true;
    }
    fail(e, o->path);
    unlink(temporary[o->slot]);
    lrt_output_abandon(o);
    return false;
}
