/* See crash.h. */
#include "crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER
#endif

/* clang-format off */
static const struct { int number; const char *name; } crashes[] = {
    {SIGSEGV, "SIGSEGV"},
    {SIGBUS,  "SIGBUS"},
    {SIGILL,  "SIGILL"},
    {SIGFPE,  "SIGFPE"},
    {SIGABRT, "SIGABRT"},
    {SIGTRAP, "SIGTRAP"},
    {SIGSYS,  "SIGSYS"},
};
/* clang-format on */
enum { N_CRASHES = sizeof crashes / sizeof *crashes };

static const char *program_name = "program";
static void (*clean_up)(void);

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

_Noreturn void lrt_crash_report(int number)
{
    static atomic_flag said = ATOMIC_FLAG_INIT; /* other threads may crash at the same time */
    const char *name = "a signal";
    while (atomic_flag_test_and_set(&said))
        pause();
    for (int i = 0; i < N_CRASHES; i++)
        if (crashes[i].number == number)
            name = crashes[i].name;
    say(program_name);
    say(": internal error: ");
    say(name);
    say(": this program's file is damaged, or this is a bug of latentc\n");
    if (clean_up)
        clean_up();
    _exit(LRT_EXIT_CRASH);
}

#ifndef SANITIZER
static void on_crash(int number)
{
    for (int i = 0; i < N_CRASHES; i++) /* a crash in cleanup ends the process */
        signal(crashes[i].number, SIG_DFL);
    lrt_crash_report(number);
}
#endif

void lrt_crash_guard(const char *program, void (*cleanup)(void))
{
    program_name = program;
    clean_up = cleanup;
#ifndef SANITIZER
    static char stack[1 << 15]; /* the crash may be a full stack: the handler needs its own */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction a = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    for (int i = 0; i < N_CRASHES; i++)
        if (crashes[i].number != SIGBUS) /* output.c: a mapped file that became shorter */
            sigaction(crashes[i].number, &a, NULL);
#endif
}
