/* Errors, arenas and strings shared by every part of the compiler. */
#ifndef LATENTC_UTIL_H
#define LATENTC_UTIL_H
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of latentc and of generators (docs/exit-codes in README.md). */
enum { EXIT_OK = 0, EXIT_USER = 1, EXIT_USAGE = 2, EXIT_BUG = 70 };

/* The user's mistake: one line "latentc: error: ..." on standard error, temporary outputs removed,
 * exit code 1. The message names the place, what was found and what was expected. Never returns. */
_Noreturn void err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Wrong usage of the command line: as err, exit code 2. */
_Noreturn void usage_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Our mistake: names the place, exit code 70. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define CHECK(cond) ((cond) ? (void)0 : die("%s:%d: %s does not hold", __FILE__, __LINE__, #cond))
/* For tests and fuzzers: while `where` is set, err(), usage_err() and die() leave their text in
 * err_text() and longjmp there with the exit code; arenas made meanwhile are freed. NULL ends it.
 * Not for use with threads. */
void err_catch(jmp_buf *where);
const char *err_text(void);
void note(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* a line on standard error */

/* A file that appears under its name only when it is complete: written to "<path>.tmp.<pid>",
 * fsynced and renamed by outfile_commit; removed by err(), die(), a signal or exit. */
typedef struct OutFile OutFile;
OutFile *outfile_open(const char *path); /* err() when it cannot be created */
FILE *outfile_stream(OutFile *f);
const char *outfile_temp_path(
    const OutFile *f); /* for tools such as the linker that write by name */
void outfile_write(OutFile *f, const void *p, size_t n); /* err() on a full disk */
void outfile_commit(
    OutFile *f,
    int mode); /* mode: permission bits, e.g. 0644; err() when it fails, or readings_check() does */

void outfile_discard(OutFile *f); /* closes and removes it: for intermediate files */

/* A mapped file, for as long as it is read. Should somebody cut it short meanwhile, the program
 * ends as err() does, temporary outputs removed; if it is written to, readings_check() says so. fd
 * is the reading's own from then on. Not for use with threads. */
typedef struct Reading Reading;
Reading *reading_begin(const char *path, int fd);
void reading_end(Reading *r); /* NULL is fine */
void readings_check(void);    /* err() when a file that is being read is not as it was at
                                 reading_begin: by size and time of change */

/* A folder that appears under its name only when it is complete; one at a time. outfolder_open
 * returns the name to write under; files are opened there with outfile_open, folders made with
 * outfolder_make. Where path is a folder with other files in it, the new ones are put beside them
 * at the end. */
const char *outfolder_open(const char *path);
void outfolder_make(const char *path);
void outfolder_commit(void);

/* Until library_guard_end: a crash, or more than so many seconds of computing, end the program as
 * err() does, with "PATH: damaged: LIBRARY ...". For libraries that trust the files they read;
 * calls do not nest. Without effect under err_catch. */
void library_guard(const char *path, const char *library, int seconds);
void library_guard_end(void);

/* Memory by lifetime: everything allocated from an arena lives until arena_free. Allocations are
 * zeroed and 16-byte aligned. */
typedef struct Arena Arena;
Arena *arena_new(void);
void arena_free(Arena *a);
void arena_at_end(Arena *a, void (*call)(void *),
                  void *with); /* arena_free calls it first; one per arena */
void *arena_alloc(Arena *a, size_t n);
char *arena_strdup(Arena *a, const char *s);
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The folder of this program's file; NULL, errno set, where the system does not say. */
const char *own_folder(Arena *a);
/* A file that comes with this program, "graphs/sd2/pipeline.json": from the source folder, or as
 * installed. NULL when it is nowhere. */
const char *own_file(Arena *a, const char *relative);

void *xmalloc(
    size_t n); /* err("out of memory ...") instead of NULL; n == 0 gives a valid pointer */
char *xstrdup(const char *s);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);

/* The bits of x as bfloat16: nearest, ties to even; what is too large becomes infinite. */
uint16_t bf16_of(float x);

/* A growing string. Zero-initialise; buf_free when done. */
typedef struct {
    char *data;
    size_t len, cap;
} Buf;
void buf_add(Buf *b, const void *p, size_t n);
void buf_printf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_real(Buf *b, double x);        /* the shortest decimal that reads back as x */
void buf_quoted(Buf *b, const char *s); /* in double quotes, escaped as in JSON */
void buf_free(Buf *b);
/* Whole file into memory, NUL-terminated (the NUL not counted in *len); err() with the reason when
 * it cannot be read. */
char *read_file(const char *path, size_t *len);

bool mul_overflow(int64_t a, int64_t b, int64_t *r); /* true when a*b does not fit */
/* The candidate nearest to word by edit distance, or NULL when none is near: for "did you mean". */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);
uint64_t fnv1a64(const void *p, size_t n, uint64_t h); /* start with FNV1A64_INIT */
#define FNV1A64_INIT 0xcbf29ce484222325ull
#endif
