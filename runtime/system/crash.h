/* A crash ends with one line instead of a signal. */
#ifndef LATENTRT_CRASH_H
#define LATENTRT_CRASH_H

/* The exit code after a crash: the program is damaged, or we made a mistake. */
enum { LRT_EXIT_CRASH = 70 };

/* From here on SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGTRAP and SIGSYS call `cleanup`, print
 * "PROGRAM: internal error: SIGNAL ..." on standard error and end the process with LRT_EXIT_CRASH.
 * `cleanup` may only call what is safe in a signal handler; NULL: nothing. `program` must outlive
 * the process. For programs, not for libraries: a process has its handlers once. A build with a
 * sanitizer keeps the sanitizer's handlers. */
void lrt_crash_guard(const char *program, void (*cleanup)(void));
/* What the handlers do, for the handler of another signal. */
_Noreturn void lrt_crash_report(int number);
#endif
