/* Mapped files that must not change: see reading.h. */
#include "reading.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "crash.h"
#include "err.h"
#include "outfile.h"

struct Reading {
    char *path;
    int fd; /* stays open, because another file may get that name */
    off_t size;
    struct timespec changed;
    Reading *next;
};
static Reading *readings;

/* Only calls that are safe in a handler. */
static void on_lost_page(int sig, siginfo_t *info, void *context)
{
    static const char message[] = "latentc: error: a file became shorter while it was read\n";
    static atomic_flag said = ATOMIC_FLAG_INIT; /* other threads may be in the same file */
    (void)context;
    if (info->si_code != BUS_ADRERR) /* not the end of a mapped file */
        lrt_crash_report(sig);
    while (atomic_flag_test_and_set(&said))
        pause();
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    err_run_at_end();
    _exit(EXIT_USER);
}

static void catch_lost_pages(void)
{
    struct sigaction a = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO}, old;
    if (sigaction(SIGBUS, NULL, &old) || old.sa_handler != SIG_DFL)
        return;
    sigaction(SIGBUS, &a, NULL);
}

static void look(Reading *r, struct stat *st)
{
    if (fstat(r->fd, st))
        err("%s: cannot be read: %s", r->path, strerror(errno));
}

Reading *reading_begin(const char *path, int fd)
{
    struct stat st;
    Reading *r = xcalloc(1, sizeof *r);
    input_claim(path);
    *r = (Reading){.path = xstrdup(path), .fd = fd};
    look(r, &st);
    r->size = st.st_size;
    r->changed = st.st_mtim;
    r->next = readings;
    readings = r;
    catch_lost_pages();
    return r;
}

void reading_end(Reading *r)
{
    for (Reading **at = &readings; r && *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    if (!r)
        return;
    close(r->fd);
    free(r->path);
    free(r);
}

void readings_check(void)
{
    struct stat st;
    for (Reading *r = readings; r; r = r->next) {
        look(r, &st);
        if (st.st_size != r->size || st.st_mtim.tv_sec != r->changed.tv_sec ||
            st.st_mtim.tv_nsec != r->changed.tv_nsec)
            err("%s: was changed while it was read; expected it to stay as it is until the end",
                r->path);
    }
}
