/* Errors, temporary outputs, arenas, strings: see util.h. */
#include "util.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "error.h"

/* ---- temporary outputs ------------------------------------------------------------------------
 */

struct OutFile {
    FILE *stream;
    char *path, *temp;
    int slot; /* in pending */
};

/* Names to remove when the program ends early. A slot is written before its file exists and cleared
 * after the file is renamed or gone, so that a signal at any moment leaves nothing behind. */
enum { MAX_PENDING = 64 };
static char *_Atomic pending[MAX_PENDING];
/* The folder that is being written, and what was put into it, in the order in which it was made. */
enum { MAX_IN_FOLDER = 64 };
static char *folder_path;
static char *_Atomic in_folder[MAX_IN_FOLDER];

static void remove_pending(void)
{
    for (int i = 0; i < MAX_PENDING; i++) {
        const char *name = atomic_load(&pending[i]);
        if (name)
            unlink(name);
    }
    for (int i = MAX_IN_FOLDER; i-- > 0;) {
        const char *name = atomic_load(&in_folder[i]);
        if (name && unlink(name))
            rmdir(name);
    }
}

static void on_signal(int sig)
{
    remove_pending(); /* unlink and rmdir are safe in a handler */
    signal(sig, SIG_DFL);
    raise(sig);
}

static void install_cleanup(void)
{
    static bool done;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    if (done)
        return;
    done = true;
    atexit(remove_pending);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == SIG_DFL)
            signal(signals[i], on_signal);
    }
}

/* Only calls that are safe in a handler. */
static void on_lost_page(int sig, siginfo_t *info, void *context)
{
    static const char message[] = "latentc: error: a file became shorter while it was read\n";
    static atomic_flag said = ATOMIC_FLAG_INIT; /* other threads may be in the same file */
    (void)context;
    if (info->si_code != BUS_ADRERR) { /* not a mapped file's end: ours */
        signal(sig, SIG_DFL);
        raise(sig);
        return;
    }
    while (atomic_flag_test_and_set(&said))
        pause();
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    remove_pending();
    _exit(EXIT_USER);
}

static void catch_lost_pages(void)
{
    struct sigaction a = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO}, old;
    if (sigaction(SIGBUS, NULL, &old) || old.sa_handler != SIG_DFL)
        return;
    sigaction(SIGBUS, &a, NULL);
}

struct Reading {
    char *path;
    int fd; /* stays open: another file may get that name */
    off_t size;
    struct timespec changed;
    Reading *next;
};
static Reading *readings;

static void look(Reading *r, struct stat *st)
{
    if (fstat(r->fd, st))
        err("%s: cannot be read: %s", r->path, strerror(errno));
}

Reading *reading_begin(const char *path, int fd)
{
    struct stat st;
    Reading *r = xcalloc(1, sizeof *r);
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

static char *temp_name(const char *path)
{
    char *temp = xmalloc(strlen(path) + 40);
    sprintf(temp, "%s.tmp.%ld", path, (long)getpid());
    return temp;
}

/* Is it in the folder that is being written? Then it goes with it. */
static void note_in_folder(const char *path)
{
    const char *top = atomic_load(&in_folder[0]);
    size_t n = top ? strlen(top) : 0;
    int i = 0;
    if (!n || strncmp(path, top, n) || path[n] != '/')
        return;
    while (i < MAX_IN_FOLDER && in_folder[i])
        i++;
    if (i == MAX_IN_FOLDER)
        die("more than %d files in a folder", MAX_IN_FOLDER);
    atomic_store(&in_folder[i], xstrdup(path));
}

OutFile *outfile_open(const char *path)
{
    install_cleanup();
    OutFile *f = xcalloc(1, sizeof *f);
    f->path = xstrdup(path);
    f->temp = temp_name(path);
    char *expected = NULL;
    while (f->slot < MAX_PENDING &&
           !atomic_compare_exchange_strong(&pending[f->slot], &expected, f->temp)) {
        expected = NULL;
        f->slot++;
    }
    if (f->slot == MAX_PENDING)
        die("more than %d outputs open at once", MAX_PENDING);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        err("%s: is a folder, expected the name of a file to write", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* renaming onto /dev/null would replace it */
        err("%s: is a device or pipe, expected the name of a file to write", path);
    note_in_folder(path);
    f->stream = fopen(f->temp, "w+b");
    if (!f->stream)
        err("%s: cannot be written: %s", path, strerror(errno));
    return f;
}

FILE *outfile_stream(OutFile *f) { return f->stream; }
const char *outfile_temp_path(const OutFile *f) { return f->temp; }

void outfile_write(OutFile *f, const void *p, size_t n)
{
    if (n && fwrite(p, 1, n, f->stream) != n)
        err("%s: cannot be written: %s", f->path, strerror(errno));
}

void outfile_commit(OutFile *f, int mode)
{
    if (fflush(f->stream) != 0 || ferror(f->stream) || fsync(fileno(f->stream)) != 0)
        err("%s: cannot be written: %s", f->path, strerror(errno));
    readings_check();
    fclose(f->stream);
    if (chmod(f->temp, (mode_t)mode) != 0 || rename(f->temp, f->path) != 0)
        err("%s: cannot be written: %s", f->path, strerror(errno));
    atomic_store(&pending[f->slot], NULL);
    free(f->temp);
    free(f->path);
    free(f);
}

void outfile_discard(OutFile *f)
{
    fclose(f->stream);
    unlink(f->temp);
    atomic_store(&pending[f->slot], NULL);
    free(f->temp);
    free(f->path);
    free(f);
}

const char *outfolder_open(const char *path)
{
    struct stat st;
    install_cleanup();
    CHECK(!in_folder[0]);
    folder_path = xstrdup(path);
    for (size_t n = strlen(path); n > 1 && folder_path[n - 1] == '/'; n--)
        folder_path[n - 1] = 0;
    if (!stat(path, &st) && !S_ISDIR(st.st_mode))
        err("%s: cannot be made: a file of that name is there", path);
    char *temp = temp_name(folder_path);
    if (mkdir(temp, 0777))
        err("%s: cannot be made: %s", path, strerror(errno));
    atomic_store(&in_folder[0], temp);
    return temp;
}

void outfolder_make(const char *path)
{
    note_in_folder(path);
    if (mkdir(path, 0777))
        err("%s: cannot be made: %s", path, strerror(errno));
}

/* Folders are made anew and files moved where there is such a folder already; else it is one name
 * that changes. */
void outfolder_commit(void)
{
    const char *top = atomic_load(&in_folder[0]);
    bool moved = !rename(top, folder_path);
    for (int i = 1; i < MAX_IN_FOLDER && in_folder[i] && !moved; i++) {
        struct stat st;
        char *from = in_folder[i], *to = xmalloc(strlen(folder_path) + strlen(from));
        sprintf(to, "%s%s", folder_path, from + strlen(top));
        bool folder = !stat(from, &st) && S_ISDIR(st.st_mode);
        if (folder ? mkdir(to, 0777) && errno != EEXIST : rename(from, to) != 0)
            err("%s: cannot be written: %s", to, strerror(errno));
        free(to);
    }
    for (int i = MAX_IN_FOLDER; i-- > 0;) {
        char *name = in_folder[i];
        if (name && !moved)
            rmdir(name); /* what is left are folders */
        atomic_store(&in_folder[i], NULL);
        free(name);
    }
    free(folder_path);
}

/* ---- this program's own files ------------------------------------------------------------------
 */

const char *own_folder(Arena *a)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return NULL;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    return arena_strdup(a, self);
}

const char *own_file(Arena *a, const char *relative)
{
    static const char *const above[] = {"..", "../share/latentc", "../../..",
                                        "../../../.."}; /* the last two: programs of the tests */
    const char *self = own_folder(a);
    for (size_t i = 0; self && i < sizeof above / sizeof above[0]; i++) {
        const char *path = arena_printf(a, "%s/%s/%s", self, above[i], relative);
        if (!access(path, R_OK))
            return path;
    }
    return NULL;
}

uint16_t bf16_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* ---- errors -----------------------------------------------------------------------------------
 */

static jmp_buf *catcher;
static char caught[2048];
static Arena *guarded; /* arenas made since err_catch: freed when it catches, for they would add up
                          in a fuzzer */
static void release_guarded(void);

void err_catch(jmp_buf *where)
{
    catcher = where;
    guarded = NULL;
}

const char *err_text(void) { return caught; }

/* One line, whatever it quotes: control characters are spaces, and what is very long is cut. */
static void print_line(FILE *f, const char *fmt, va_list ap)
{
    char text[4096];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n >= (int)sizeof text)
        strcpy(text + sizeof text - 4, "...");
    lrt_one_line(text);
    fprintf(f, "%s\n", text);
}

static const int faults[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGPROF};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };
static struct {
    bool on;
    char subject[2048];
    struct sigaction old[N_FAULTS];
    char stack[1 << 15];
} guard;

/* Only calls that are safe in a handler, after anything. */
static void on_fault(int sig)
{
    const char *what = sig == SIGPROF ? " comes to no end with it\n" : " crashes on it\n";
    ssize_t ignored = write(STDERR_FILENO, guard.subject, strlen(guard.subject));
    ignored = write(STDERR_FILENO, what, strlen(what));
    (void)ignored;
    remove_pending();
    _exit(EXIT_USER);
}

void library_guard(const char *path, const char *library, int seconds)
{
    if (catcher)
        return;
    CHECK(!guard.on);
    guard.on = true;
    snprintf(guard.subject, sizeof guard.subject, "latentc: error: %.1900s: damaged: %s", path,
             library);
    lrt_one_line(guard.subject);
    sigaltstack(&(stack_t){.ss_sp = guard.stack, .ss_size = sizeof guard.stack},
                NULL); /* it may be the stack that is full */
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
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    guard.on = false;
}

/* Only one thread gets to speak: the first message is the one that counts. */
static _Noreturn void fail(const char *kind, int code, const char *fmt, va_list ap)
{
    static atomic_flag failing = ATOMIC_FLAG_INIT;
    if (catcher) {
        vsnprintf(caught, sizeof caught, fmt, ap);
        release_guarded();
        longjmp(*catcher, code);
    }
    if (atomic_flag_test_and_set(&failing))
        for (;;)
            pause();
    fflush(stdout);
    fprintf(stderr, "latentc: %s: ", kind);
    print_line(stderr, fmt, ap);
    fflush(stderr);
    remove_pending();
    _exit(code); /* not exit(): other threads may still run and must not see statics torn down */
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

void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* ---- memory -----------------------------------------------------------------------------------
 */

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        err("out of memory: %zu bytes more were needed", n);
    return p;
}

char *xstrdup(const char *s) { return strcpy(xmalloc(strlen(s) + 1), s); }

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        err("out of memory: %zu times %zu bytes more were needed", n, size);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p)
        err("out of memory: %zu bytes were needed", n);
    return p;
}

/* A list of blocks; the newest is filled from its start. */
typedef struct Block {
    struct Block *next;
    size_t used, size;
} Block;
struct Arena {
    Block *blocks;
    void (*at_end)(void *);
    void *with;
    Arena *older; /* the list of arenas made under err_catch */
};
enum { ARENA_BLOCK = 64 * 1024, ARENA_ALIGN = 16 };

static void release(Arena *a)
{
    if (a->at_end)
        a->at_end(a->with);
    for (Block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static void release_guarded(void)
{
    for (Arena *older; guarded; guarded = older) {
        older = guarded->older;
        release(guarded);
    }
}

Arena *arena_new(void)
{
    Arena *a = xcalloc(1, sizeof *a);
    if (catcher) {
        a->older = guarded;
        guarded = a;
    }
    return a;
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    for (Arena **link = &guarded; *link; link = &(*link)->older)
        if (*link == a) {
            *link = a->older;
            break;
        }
    release(a);
}

void arena_at_end(Arena *a, void (*call)(void *), void *with)
{
    a->at_end = call;
    a->with = with;
}

void *arena_alloc(Arena *a, size_t n)
{
    const size_t head = (sizeof(Block) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (n > SIZE_MAX / 2)
        err("out of memory: %zu bytes more were needed", n);
    n = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    Block *b = a->blocks;
    if (!b || b->size - b->used < n) {
        size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
        b = xcalloc(1, head + size);
        *b = (Block){a->blocks, 0, size};
        a->blocks = b;
    }
    void *p = (char *)b + head + b->used;
    b->used += n;
    return p;
}

char *arena_strdup(Arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}

/* ---- strings and files ------------------------------------------------------------------------
 */

static void buf_reserve(Buf *b, size_t n)
{
    if (b->cap - b->len > n)
        return;
    b->cap = b->cap * 2 > b->len + n + 1 ? b->cap * 2 : b->len + n + 1;
    b->data = xrealloc(b->data, b->cap);
}

void buf_add(Buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
}

void buf_printf(Buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    buf_reserve(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_real(Buf *b, double x)
{
    char s[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, x);
        if (strtod(s, NULL) == x)
            break;
    }
    buf_printf(b, "%s", s);
}

void buf_quoted(Buf *b, const char *s)
{
    buf_add(b, "\"", 1);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_printf(b, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            buf_printf(b, "\\u%04x", *s);
        else
            buf_add(b, s, 1);
    }
    buf_add(b, "\"", 1);
}

void buf_free(Buf *b)
{
    free(b->data);
    *b = (Buf){0};
}

char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        err("%s: cannot be read: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
        err("%s: is a folder, expected a file", path);
    Buf b = {0};
    char chunk[16384];
    size_t n;
    buf_add(&b, "", 0);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&b, chunk, n);
    if (ferror(f))
        err("%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
    if (len)
        *len = b.len;
    return b.data;
}

bool mul_overflow(int64_t a, int64_t b, int64_t *r) { return __builtin_mul_overflow(a, b, r); }

/* Levenshtein's distance, words cut at 63 characters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b) < 63 ? strlen(b) : 63;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] && i < 63; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2; /* farther away than this is another word, not a slip */
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, candidates[i]);
        if (d < least) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}

uint64_t fnv1a64(const void *p, size_t n, uint64_t h)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 0x100000001b3ull;
    return h;
}
