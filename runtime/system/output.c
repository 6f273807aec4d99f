/* See output.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* program_invocation_short_name */
#endif
#include "output.h"
#include "crash.h"
#include "output_place.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names of temporary files, for the signal handler. A name is set before its file exists and
 * cleared after the file is gone. */
enum { SLOTS = 8 };
static char *volatile temporary[SLOTS];
static pthread_mutex_t claiming = PTHREAD_MUTEX_INITIALIZER; /* several threads write files */

/* Puts the name into a free slot; SLOTS when there is none. */
static int claim_slot(char *name)
{
    int slot = 0;
    pthread_mutex_lock(&claiming);
    while (slot < SLOTS && temporary[slot])
        slot++;
    if (slot < SLOTS)
        temporary[slot] = name;
    pthread_mutex_unlock(&claiming);
    return slot;
}

void lrt_output_remove_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (temporary[i])
            unlink(temporary[i]);
}

static void on_signal(int number)
{
    lrt_output_remove_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* Calls only functions that are safe in a signal handler. */
static void on_lost_page(int number, siginfo_t *info, void *context)
{
    static const char message[] =
        ": error: a file, most likely that of the weights, became shorter while it was in use\n";
    static atomic_flag said = ATOMIC_FLAG_INIT; /* other threads may fail at the same time */
    (void)context;
    if (info->si_code != BUS_ADRERR) /* not the end of a mapped file */
        lrt_crash_report(number);
    while (atomic_flag_test_and_set(&said))
        pause();
    ssize_t ignored = write(STDERR_FILENO, program_invocation_short_name,
                            strlen(program_invocation_short_name));
    ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    lrt_output_remove_all();
    _exit(1);
}

void lrt_output_guard(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal},
                     lost = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO};
    sigfillset(&a.sa_mask);
    sigaction(SIGBUS, &lost, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN) /* respects nohup */
            sigaction(numbers[i], &a, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    atexit(lrt_output_remove_all);
}

/* Always false. */
static bool fail(lrt_error *e, const char *path)
{
    return lrt_fail(e, "%s: cannot be written: %s", path, strerror(errno));
}

/* A device or a pipe must not be replaced by a file. */
static bool open_in_place(lrt_output *o, const char *path, lrt_error *e)
{
    *o = (lrt_output){.stream = fopen(path, "wb"), .path = strdup(path), .slot = -1};
    if (o->stream && o->path)
        return true;
    fail(e, path);
    lrt_output_abandon(o);
    return false;
}

static bool open_standard(lrt_output *o, lrt_error *e)
{
    static const char name[] = "standard output";
    int fd = dup(STDOUT_FILENO);
    *o = (lrt_output){
        .stream = fd >= 0 ? fdopen(fd, "wb") : NULL, .path = strdup(name), .slot = -1};
    if (o->stream && o->path)
        return true;
    fail(e, name);
    if (fd >= 0 && !o->stream)
        close(fd);
    lrt_output_abandon(o);
    return false;
}

bool lrt_output_try(const char *path, lrt_error *e)
{
    lrt_output o;
    struct stat st;
    if (strcmp(path, LRT_STANDARD_OUTPUT) && !stat(path, &st) && !S_ISREG(st.st_mode) &&
        !S_ISDIR(st.st_mode))
        return !access(path, W_OK) || fail(e, path);
    if (!lrt_output_open(&o, path, e))
        return false;
    lrt_output_abandon(&o);
    return true;
}

bool lrt_output_open(lrt_output *o, const char *path, lrt_error *e)
{
    *o = (lrt_output){.slot = 0};
    struct stat st;
    if (!strcmp(path, LRT_STANDARD_OUTPUT))
        return open_standard(o, e);
    if (!*path || (!stat(path, &st) && S_ISDIR(st.st_mode))) {
        errno = *path ? EISDIR : ENOENT;
        return fail(e, path);
    }
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return open_in_place(o, path, e);
    if (!lrt_output_unprotected(path, e) || !(o->path = lrt_output_target(path, e)))
        return false;
    lrt_output_sweep(o->path);
    char *name = lrt_output_temporary(o->path, "");
    o->slot = name ? claim_slot(name) : SLOTS;
    if (o->slot == SLOTS) {
        free(name);
        free(o->path);
        return lrt_fail(e, "%s: out of memory", path);
    }
    o->stream = fopen(name, "wb");
    if (o->stream)
        return true;
    fail(e, path);
    lrt_output_abandon(o);
    return false;
}

static void forget(lrt_output *o)
{
    if (o->slot >= 0) {
        char *name = temporary[o->slot];
        temporary[o->slot] = NULL;
        free(name);
    }
    free(o->path);
    *o = (lrt_output){.slot = 0};
}

void lrt_output_abandon(lrt_output *o)
{
    if (o->stream) {
        fclose(o->stream);
        if (o->slot >= 0)
            unlink(temporary[o->slot]);
    }
    if (!o->path) /* never opened */
        return;
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
    if (ok && (o->slot < 0 || !rename(temporary[o->slot], o->path))) {
        forget(o);
        return true;
    }
    fail(e, o->path);
    if (o->slot >= 0)
        unlink(temporary[o->slot]);
    lrt_output_abandon(o);
    return false;
}
