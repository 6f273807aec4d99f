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
#include "reading.h"

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
    err_at_end(remove_pending);
    atexit(remove_pending);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == SIG_DFL)
            signal(signals[i], on_signal);
    }
}

static char *temp_name(const char *path)
{
    char *temp = xmalloc(strlen(path) + 40);
    sprintf(temp, "%s.tmp.%ld", path, (long)getpid());
    return temp;
}

/* Notes a path that lies in the folder that is being written: it is removed with the folder. */
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
