/* Errors: see err.h. */
#include "err.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

static jmp_buf *catcher;
static unsigned n_catches;
static const char *beginning = "";
static char caught[2048];

/* Functions to call before the program ends, and before a longjmp. A signal handler may read a list
 * while it grows: an entry is stored before it is counted. */
enum { MAX_CALLS = 4 };
typedef struct {
    void (*calls[MAX_CALLS])(void);
    atomic_int n;
} CallList;
static CallList at_end, at_catch;

static void list_add(CallList *list, void (*call)(void))
{
    int n = atomic_load(&list->n);
    for (int i = 0; i < n; i++)
        if (list->calls[i] == call)
            return;
    CHECK(n < MAX_CALLS);
    list->calls[n] = call;
    atomic_store(&list->n, n + 1);
}

static void list_run(CallList *list)
{
    for (int i = 0, n = atomic_load(&list->n); i < n; i++)
        list->calls[i]();
}

void err_at_end(void (*call)(void)) { list_add(&at_end, call); }
void err_at_catch(void (*call)(void)) { list_add(&at_catch, call); }
void err_run_at_end(void) { list_run(&at_end); }

void err_begin_with(const char *text) { beginning = text ? text : ""; }

void err_catch(jmp_buf *where)
{
    catcher = where;
    n_catches += where != NULL;
}

unsigned err_catching(void) { return catcher ? n_catches : 0; }
const char *err_text(void) { return caught; }

/* One line, whatever it quotes (utf8.h); a very long text is cut. */
static void print_line(FILE *f, const char *fmt, va_list ap)
{
    char text[4096];
    bool cut = vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text;
    if (cut)
        lrt_utf8_trim(text);
    lrt_put_plain(f, text, strlen(text));
    fputs(cut ? "...\n" : "\n", f);
}

/* Only the first thread prints: its message is the cause, later ones may be consequences. */
static _Noreturn void fail(const char *kind, int code, const char *fmt, va_list ap)
{
    static atomic_flag failing = ATOMIC_FLAG_INIT;
    if (catcher) {
        char text[sizeof caught];
        int n = snprintf(text, sizeof text, "%s", beginning);
        beginning = "";
        vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
        lrt_plain(caught, sizeof caught, text);
        list_run(&at_catch);
        longjmp(*catcher, code);
    }
    if (atomic_flag_test_and_set(&failing))
        for (;;)
            pause();
    fflush(stdout);
    fprintf(stderr, "latentc: %s: %s", kind, beginning);
    print_line(stderr, fmt, ap);
    fflush(stderr);
    err_run_at_end();
    _exit(code); /* not exit(): other threads may still run and need the statics */
}

void err(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail("error", EXIT_USER, fmt, ap);
}

void usage_err(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail("error", EXIT_USAGE, fmt, ap);
}

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail("internal error", EXIT_BUG, fmt, ap);
}

void print_plain(FILE *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_line(f, fmt, ap);
    va_end(ap);
}

void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_line(stderr, fmt, ap);
    va_end(ap);
}
