/* Errors: one message on standard error, temporary outputs removed, then an exit code. */
#ifndef LATENTC_ERR_H
#define LATENTC_ERR_H
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit codes of latentc and of generators (docs/exit-codes in README.md). */
enum { EXIT_OK = 0, EXIT_USER = 1, EXIT_USAGE = 2, EXIT_BUG = 70 };

/* The user's mistake: prints "latentc: error: ..." on one line, with bytes of files as lrt_plain
 * shows them, and ends the program with exit code 1. The message names the place, what was found
 * and what was expected. */
_Noreturn void err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* While a flag's value is read: messages of err() begin with this text ("--taesd "). NULL ends it,
 * and so does a message that err_catch() catches. Not for use with threads. */
void err_begin_with(const char *text);

/* Wrong usage of the command line: as err(), exit code 2. */
_Noreturn void usage_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Our mistake: "latentc: internal error: ...", exit code 70. The message names the place. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An invariant: die() where it does not hold. Also in release builds. */
#define CHECK(cond) ((cond) ? (void)0 : die("%s:%d: %s does not hold", __FILE__, __LINE__, #cond))

/* Prints one line, as printf does, with bytes of files as lrt_plain shows them (utf8.h). For every
 * line that names something of a file. */
void print_plain(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same on standard error. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For tests and fuzzers. While `where` is set, err(), usage_err() and die() store their text for
 * err_text() and longjmp to `where` with the exit code; arenas made meanwhile are freed. NULL ends
 * it. Not for use with threads. */
void err_catch(jmp_buf *where);

/* The text of the last message that err_catch() caught. */
const char *err_text(void);

/* 0, or a number that is greater than zero while err_catch() is in force. Each err_catch() has a
 * number of its own. */
unsigned err_catching(void);

/* Registers a function that err(), usage_err() and die() call before they end the program. It must
 * be safe in a signal handler. A second registration of the same function does nothing. */
void err_at_end(void (*call)(void));

/* Registers a function that err(), usage_err() and die() call before they longjmp to the place that
 * err_catch() set. A second registration of the same function does nothing. */
void err_at_catch(void (*call)(void));

/* Calls what err_at_end() registered. For signal handlers that end the program. */
void err_run_at_end(void);
#endif
