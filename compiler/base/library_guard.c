/* Guard against libraries that crash: see library_guard.h. */
#include "library_guard.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "err.h"
#include "utf8.h"

static const int faults[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGPROF};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };
static struct {
    bool on;
    char subject[2048];
    struct sigaction old[N_FAULTS];
    char stack[1 << 15];
    stack_t old_stack;
} guard;

/* Only calls that are safe in a handler, after anything. */
static void on_fault(int sig)
{
    const char *what = sig == SIGPROF ? " does not end with it\n" : " crashes on it\n";
    ssize_t ignored = write(STDERR_FILENO, guard.subject, strlen(guard.subject));
    ignored = write(STDERR_FILENO, what, strlen(what));
    (void)ignored;
    err_run_at_end();
    _exit(EXIT_USER);
}

void library_guard(const char *path, const char *library, int seconds)
{
    if (err_catching())
        return;
    CHECK(!guard.on);
    guard.on = true;
    char subject[sizeof guard.subject];
    snprintf(subject, sizeof subject, "latentc: error: %.1900s: damaged: %s", path, library);
    lrt_plain(guard.subject, sizeof guard.subject, subject);
    /* The crash may be a full stack: the handler needs one of its own. */
    sigaltstack(&(stack_t){.ss_sp = guard.stack, .ss_size = sizeof guard.stack}, &guard.old_stack);
    for (int i = 0; i < N_FAULTS; i++)
        sigaction(faults[i], &(struct sigaction){.sa_handler = on_fault, .sa_flags = SA_ONSTACK},
                  &guard.old[i]);
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_sec = seconds}}, NULL);
}

void library_guard_end(void)
{
    if (!guard.on)
        return;
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    for (int i = 0; i < N_FAULTS; i++)
        sigaction(faults[i], &guard.old[i], NULL);
    sigaltstack(&guard.old_stack, NULL);
    guard.on = false;
}
