/* Outputs that appear when they are complete: see outfile.h. */
#include "outfile.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "err.h"
#include "host.h"
#include "output_place.h"
#include "reading.h"
#include "streams.h"

struct OutFile {
    FILE *stream;
    char *path, *temp;
    char *target; /* what temp is renamed to; NULL: it is copied to path, a device, a pipe or "-" */
    int slot;     /* in pending */
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
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    if (done)
        return;
    done = true;
    err_at_end(remove_pending);
    atexit(remove_pending);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == SIG_DFL)
            signal(signals[i], on_signal);
    }
}

/* Ends in err() where a function of the runtime failed. */
static void must(bool ok, const lrt_error *e)
{
    if (!ok)
        err("%s", e->text);
}

static char *temp_name(const char *target, const char *ending)
{
    char *temp = lrt_output_temporary(target, ending);
    if (!temp)
        err("%s: out of memory", target);
    return temp;
}

void input_claim(const char *path)
{
    lrt_error e;
    must(lrt_output_protect(path, &e), &e);
}

/* Whether this process is a command that claims its outputs. A test may read a file and then write
 * it. */
static bool claiming;

void output_claim(const char *path)
{
    lrt_error e;
    claiming = true;
    input_claim(lrt_host_program());
    must(lrt_output_claim(path, &e), &e);
}

/* Notes a path that lies in the folder that is being written: it is removed with the folder. err()
 * when it would replace an input there. */
static void note_in_folder(const char *path)
{
    const char *top = atomic_load(&in_folder[0]);
    size_t n = top ? strlen(top) : 0;
    int i = 0;
    if (!n || strncmp(path, top, n) || path[n] != '/')
        return;
    lrt_error e;
    char *final = xmalloc(strlen(folder_path) + strlen(path));
    sprintf(final, "%s%s", folder_path, path + n);
    must(!claiming || lrt_output_unprotected(final, &e), &e);
    free(final);
    while (i < MAX_IN_FOLDER && in_folder[i])
        i++;
    if (i == MAX_IN_FOLDER)
        die("more than %d files in a folder", MAX_IN_FOLDER);
    atomic_store(&in_folder[i], xstrdup(path));
}

void output_claim_update(const char *path)
{
    lrt_error e;
    must(lrt_output_claim_update(path, &e), &e);
}

void output_check(const char *path)
{
    lrt_error e;
    must(lrt_output_possible(path, &e), &e);
}

/* Is path something that must not be replaced by a file, such as /dev/null or a pipe? */
static bool is_device(const char *path)
{
    struct stat st;
    return !strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode));
}

/* A temporary file of its own folder, for what is copied to a device. */
static char *temp_elsewhere(const char *ending)
{
    const char *folder = getenv("TMPDIR");
    char *place = xmalloc(strlen(folder ? folder : "") + 32);
    sprintf(place, "%s/latentc", folder && *folder ? folder : "/tmp");
    char *temp = temp_name(place, ending);
    free(place);
    return temp;
}

static OutFile *begin(const char *path, const char *ending)
{
    lrt_error e;
    install_cleanup();
    OutFile *f = xcalloc(1, sizeof *f);
    f->path = xstrdup(path);
    if (is_device(path)) {
        static atomic_int number; /* several of them may be open */
        char unique[64];
        snprintf(unique, sizeof unique, ".%d%s", atomic_fetch_add(&number, 1), ending);
        f->temp = temp_elsewhere(unique);
    } else {
        f->target = lrt_output_target(path, &e);
        must(f->target, &e);
        f->temp = temp_name(f->target, ending);
    }
    char *expected = NULL;
    while (f->slot < MAX_PENDING &&
           !atomic_compare_exchange_strong(&pending[f->slot], &expected, f->temp)) {
        expected = NULL;
        f->slot++;
    }
    if (f->slot == MAX_PENDING)
        die("more than %d outputs open at once", MAX_PENDING);
    f->stream = fopen(f->temp, "w+b");
    if (!f->stream)
        err("%s: cannot be written: %s", path, strerror(errno));
    return f;
}

OutFile *outfile_open(const char *path)
{
    struct stat st;
    lrt_error e;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        err("%s: is a folder, expected the name of a file to write", path);
    must(!claiming || is_device(path) || lrt_output_unprotected(path, &e), &e);
    note_in_folder(path);
    OutFile *f = begin(path, "");
    if (f->target)
        lrt_output_sweep(f->target);
    return f;
}

OutFile *outfile_scratch(const char *of, const char *ending) { return begin(of, ending); }

FILE *outfile_stream(OutFile *f) { return f->stream; }
const char *outfile_temp_path(const OutFile *f) { return f->temp; }

void outfile_write(OutFile *f, const void *p, size_t n)
{
    if (n && fwrite(p, 1, n, f->stream) != n)
        err("%s: cannot be written: %s", f->path, strerror(errno));
}

static void finish(OutFile *f)
{
    atomic_store(&pending[f->slot], NULL);
    free(f->temp);
    free(f->path);
    free(f->target);
    free(f);
}

/* The complete file, to a device, a pipe or standard output. The linker may have replaced the file
 * that the stream has. */
static void copy_out(const OutFile *f)
{
    bool standard = !strcmp(f->path, "-");
    FILE *in = fopen(f->temp, "rb"), *out = standard ? stdout : fopen(f->path, "wb");
    char chunk[1 << 16];
    bool ok = in && out;
    for (size_t n; ok && (n = fread(chunk, 1, sizeof chunk, in)) > 0;)
        ok = fwrite(chunk, 1, n, out) == n;
    if (!ok || ferror(in) || fflush(out) || (!standard && fclose(out)))
        err("%s: cannot be written: %s", standard ? "standard output" : f->path, strerror(errno));
    fclose(in);
}

void outfile_commit(OutFile *f, int mode)
{
    if (fflush(f->stream) != 0 || ferror(f->stream) || fsync(fileno(f->stream)) != 0)
        err("%s: cannot be written: %s", f->path, strerror(errno));
    readings_check();
    fclose(f->stream);
    if (!f->target) {
        copy_out(f);
        unlink(f->temp);
    } else if (chmod(f->temp, (mode_t)mode) != 0 || rename(f->temp, f->target) != 0) {
        err("%s: cannot be written: %s", f->path, strerror(errno));
    }
    finish(f);
}

void outfile_discard(OutFile *f)
{
    fclose(f->stream);
    unlink(f->temp);
    finish(f);
}

void stdout_check(void)
{
    if (!lrt_streams_end())
        err("standard output cannot be written");
}

/* Where the folder for path is: without slashes at its end, behind its links. */
static char *place_of_folder(const char *path)
{
    lrt_error e;
    struct stat st;
    char *plain = xstrdup(path);
    for (size_t n = strlen(path); n > 1 && plain[n - 1] == '/'; n--)
        plain[n - 1] = 0;
    if (!stat(path, &st) && !S_ISDIR(st.st_mode))
        err("%s: cannot be made: a file of that name is there", path);
    char *place = lrt_output_target(plain, &e);
    must(place, &e);
    free(plain);
    return place;
}

void outfolder_claim(const char *path)
{
    claiming = true;
    char *place = place_of_folder(path), *temp = temp_name(place, ".try");
    if (mkdir(temp, 0777))
        err("%s: cannot be made: %s", path, strerror(errno));
    rmdir(temp);
    free(temp);
    free(place);
}

const char *outfolder_open(const char *path)
{
    install_cleanup();
    CHECK(!in_folder[0]);
    folder_path = place_of_folder(path);
    lrt_output_sweep(folder_path);
    char *temp = temp_name(folder_path, "");
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

/* Where the folder does not exist yet, one rename does it. Else folders are made in it and files
 * moved. */
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
            rmdir(name); /* only folders are left */
        atomic_store(&in_folder[i], NULL);
        free(name);
    }
    free(folder_path);
}
