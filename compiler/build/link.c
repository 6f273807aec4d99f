#include "link.h"
#include "err.h"
#include "files.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stdio.h>

extern char **environ;

static const char *driver(const Target *t, const LinkOptions *o)
{
    if (o->cc)
        return o->cc;
    if (!target_is_host_arch(t))
        return strncmp(t->triple, "aarch64", 7) == 0 ? "aarch64-linux-gnu-gcc"
                                                     : "x86_64-linux-gnu-gcc";
    return getenv("CC") ? getenv("CC") : "cc";
}

/* The folder that holds `file`: as given, in the build tree (lib/ next to the program), or
 * installed
 * (../lib/latentc). */
static const char *runtime_folder(Arena *a, const Target *t, const LinkOptions *o, const char *file)
{
    const char *self = own_folder(a);
    if (!self)
        err("cannot find this program's own folder: %s", strerror(errno));
    const char *arch = target_is_host_arch(t)                  ? ""
                       : strncmp(t->triple, "aarch64", 7) == 0 ? "-aarch64"
                                                               : "-x86_64";
    const char *places[] = {o->runtime, arena_printf(a, "%s/lib%s", self, arch),
                            arena_printf(a, "%s/../build%s/lib", self, arch),
                            arena_printf(a, "%s/../lib/latentc%s", self, arch)};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i] && access(arena_printf(a, "%s/%s", places[i], file), R_OK) == 0)
            return places[i];
    err("the runtime for %s is missing: %s is neither in %s nor in %s; give its folder with --runtime",
        t->name, file, places[1], places[3]);
}

/* The driver's messages are shown only when it fails: a static libgomp always warns about an unused
 * dlopen. A full disk and a file that grows too large are said in one line instead. */
static void show_messages(FILE *messages)
{
    static const int reasons[] = {ENOSPC, EFBIG, EDQUOT};
    char line[1024];
    rewind(messages);
    while (fgets(line, sizeof line, messages))
        for (int i = 0; i < 3; i++)
            if (strstr(line, strerror(reasons[i])))
                err("the program cannot be written: %s", strerror(reasons[i]));
    rewind(messages);
    while (fgets(line, sizeof line, messages))
        fputs(line, stderr);
}

static FILE *temporary(void)
{
    FILE *f = tmpfile();
    if (!f)
        err("cannot make a temporary file: %s", strerror(errno));
    return f;
}

/* Whether it went well; where it could not be started, *why says why not. What it prints on
 * `stream` (1 or 2) goes to `messages`. */
static bool ran(char *const *argv, int stream, FILE *messages, const char **why)
{
    pid_t pid;
    posix_spawn_file_actions_t redirect;
    posix_spawn_file_actions_init(&redirect);
    posix_spawn_file_actions_adddup2(&redirect, fileno(messages), stream);
    int status = 0, failed = posix_spawnp(&pid, argv[0], &redirect, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&redirect);
    while (!failed && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            err("cannot wait for '%s': %s", argv[0], strerror(errno));
    *why = failed ? strerror(failed) : NULL;
    return !failed && status == 0;
}

/* The same, with its messages shown where it failed. */
static bool try_run(char *const *argv, const char **why)
{
    FILE *messages = temporary();
    bool done = ran(argv, 2, messages, why);
    if (!done && !*why)
        show_messages(messages);
    fclose(messages);
    return done;
}

static _Noreturn void linking_failed(const char *program, const char *why)
{
    if (why && !strcmp(why, strerror(ENOENT)))
        err("cannot run '%s': %s; install gcc, or name another compiler driver with --cc", program,
            why);
    if (why)
        err("cannot run '%s': %s", program, why);
    err("'%s' could not link the program (its message is above)", program);
}

static void run(char *const *argv)
{
    const char *why;
    if (!try_run(argv, &why))
        linking_failed(argv[0], why);
}

#ifdef LATENTC_CLANG_RUNTIME
/* The runtime was compiled by clang and needs libomp, which has no static library. */
#define STATIC "-pthread"
#define OPENMP "-l:libomp.so.5"
#else
#define STATIC "-static"
#define OPENMP "-fopenmp"
#endif
static const char *const libraries[] = {"-lpng16",    "-ljpeg", "-lz", "-lpcre2-8",
                                        "-lutf8proc", "-lm",    OPENMP};
enum { N_LIBRARIES = sizeof libraries / sizeof libraries[0], MOST_FLAGS = 5 };

/* A shared object exports what its entry declares, and binds to its own: two of them may live in
 * one process. */
/* clang-format off */
static const struct { const char *entry, *flags[MOST_FLAGS]; bool libraries; } ways[] = {
    [PROGRAM_GRAPH] = {"graph_main.o", {STATIC}, true},
    [PROGRAM_GENERATOR] = {"generator_entry.o", {STATIC}, true},
    [PROGRAM_SHARED] = {"library_entry.o", {"-shared", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL", "-Wl,--as-needed", "-Wl,--gc-sections"}, true},
    [PROGRAM_ARCHIVE] = {"library_entry.o", {"-r", "-nostdlib"}, false},
};
/* clang-format on */

static char **link_command(Arena *a, const Target *t, const LinkOptions *o, ProgramKind kind,
                           const char *object, const char *out)
{
    const char *entry = ways[kind].entry, *folder = runtime_folder(a, t, o, entry);
    char **argv = arena_alloc(a, (MOST_FLAGS + N_LIBRARIES + 7) * sizeof *argv);
    int n = 0;
    argv[n++] = arena_strdup(a, driver(t, o));
    for (int i = 0; i < MOST_FLAGS && ways[kind].flags[i]; i++)
        argv[n++] = arena_strdup(a, ways[kind].flags[i]);
    argv[n++] = "-o";
    argv[n++] = arena_strdup(a, out);
    argv[n++] = arena_strdup(a, object);
    argv[n++] = arena_printf(a, "%s/%s", folder, entry);
    argv[n++] = arena_printf(a, "%s/liblatentrt.a", folder);
    for (int i = 0; i < N_LIBRARIES && ways[kind].libraries; i++)
        argv[n++] = arena_strdup(a, libraries[i]);
    return argv;
}

/* Whether the driver finds this library file: it then prints its path, else the bare name. */
static bool has_file(Arena *a, const char *driver, const char *file)
{
    char *ask[] = {arena_strdup(a, driver), arena_printf(a, "-print-file-name=%s", file), NULL};
    char line[4096] = "";
    const char *why;
    FILE *said = temporary();
    bool found = ran(ask, 1, said, &why);
    rewind(said);
    found = found && fgets(line, sizeof line, said) && strchr(line, '/');
    fclose(said);
    return found;
}

/* The static libraries that this system lacks, ", " between them; NULL where it has all. */
static const char *missing_archives(Arena *a, const char *driver)
{
    const char *list = NULL;
    for (int i = 0; i < N_LIBRARIES; i++) {
        const char *name = strcmp(libraries[i], "-fopenmp") == 0 ? "gomp" : libraries[i] + 2;
        const char *file = arena_printf(a, "lib%s.a", name);
        if (!has_file(a, driver, file))
            list = list ? arena_printf(a, "%s, %s", list, file) : file;
    }
    return has_file(a, driver, "libc.a") ? list
           : list                        ? arena_printf(a, "%s, libc.a", list)
                                         : "libc.a";
}

/* Fedora and Arch have few static libraries. Where one is missing, the program uses shared ones. */
static void link_executable(Arena *a, char **argv)
{
    const char *why;
    FILE *messages = temporary();
    bool done = ran(argv, 2, messages, &why);
    const char *missing = !done && !why && strcmp(argv[1], "-static") == 0
                              ? missing_archives(a, argv[0])
                              : NULL;
    if (!done && !why && !missing)
        show_messages(messages);
    fclose(messages);
    if (!done && !missing)
        linking_failed(argv[0], why);
    if (done)
        return;
    note(
        "note: this system has no %s: the program is linked with shared libraries, and needs them where it runs",
        missing);
    argv[1] = "-pthread";
    run(argv);
}

/* ---- MPI ---- */

void link_mpi_entry(const Target *t, const LinkOptions *o, const char *object)
{
    static const char source[] = "mpi_entry.c";
    Arena *a = arena_new();
    char *argv[] = {arena_strdup(a, o->mpicc),
                    "-O2",
                    "-c",
                    "-o",
                    arena_strdup(a, object),
                    arena_printf(a, "%s/%s", runtime_folder(a, t, o, source), source),
                    NULL};
    const char *why;
    bool done = try_run(argv, &why);
    if (!done && why)
        err("--mpi: cannot run '%s': %s; install Open MPI or MPICH with its headers, or name the compiler driver of another MPI with --mpicc",
            o->mpicc, why);
    if (!done)
        err("--mpi: '%s' could not compile a program for MPI (its message is above); name the compiler driver of an MPI with --mpicc",
            o->mpicc);
    arena_free(a);
}

/* MPI is a shared library, which its launcher must fit. The others become a part of the program,
 * unless `shared`: nodes of a cluster have few libraries. */
static char **mpi_command(Arena *a, const Target *t, const LinkOptions *o, const char *const *files,
                          bool shared)
{
    char **argv = arena_alloc(a, (N_LIBRARIES + 12) * sizeof *argv);
    int n = 0;
    argv[n++] = arena_strdup(a, o->mpicc);
    argv[n++] = "-pthread";
    argv[n++] = "-o";
    argv[n++] = arena_strdup(a, files[1]);
    argv[n++] = arena_strdup(a, files[0]);
    argv[n++] = arena_strdup(a, o->mpi_entry);
    argv[n++] = arena_printf(a, "%s/liblatentrt.a", runtime_folder(a, t, o, "liblatentrt.a"));
    if (!shared)
        argv[n++] = "-Wl,-Bstatic";
    for (int i = 0; i < N_LIBRARIES; i++)
        argv[n++] = !shared && strcmp(libraries[i], "-fopenmp") == 0 ? "-lgomp"
                    : !shared && strcmp(libraries[i], "-lm") == 0    ? "-Wl,--as-needed"
                                                                  : arena_strdup(a, libraries[i]);
    if (!shared)
        argv[n++] = "-Wl,-Bdynamic";
    argv[n++] = "-lm";
    return argv;
}

static void link_mpi(Arena *a, const Target *t, const LinkOptions *o, const char *object,
                     const char *out)
{
    const char *const files[] = {object, out}, *why;
    FILE *messages = temporary();
    bool done = ran(mpi_command(a, t, o, files, false), 2, messages, &why);
    const char *missing = done || why ? NULL : missing_archives(a, o->mpicc);
    if (!done && !why && !missing)
        show_messages(messages);
    fclose(messages);
    if (!done && !missing)
        linking_failed(o->mpicc, why);
    if (done)
        return;
    note("note: this system has no %s: the program needs the shared libraries where it runs",
         missing);
    run(mpi_command(a, t, o, files, true));
}

const char *link_libraries(Arena *a)
{
    const char *s = libraries[0];
    for (int i = 1; i < N_LIBRARIES; i++)
        s = arena_printf(a, "%s %s", s, libraries[i]);
    return s;
}

/* The code as one object, named as it shall be called inside, in a folder of its own; then that in
 * an archive. */
static void link_archive(Arena *a, const Target *t, const LinkOptions *o, const char *object,
                         const char *out)
{
    const char *cross = target_is_host_arch(t)                  ? ""
                        : strncmp(t->triple, "aarch64", 7) == 0 ? "aarch64-linux-gnu-"
                                                                : "x86_64-linux-gnu-",
               *why;
    char *folder = arena_printf(a, "%s.XXXXXX", out);
    if (!mkdtemp(folder))
        err("%s: cannot make a folder: %s", folder, strerror(errno));
    const char *member = arena_printf(a, "%s/latent.o", folder),
               *archive = arena_printf(a, "%s/latent.a", folder);
    char **link = link_command(a, t, o, PROGRAM_ARCHIVE, object, member);
    char *ar[] = {arena_printf(a, "%sar", cross), "rcsD", arena_strdup(a, archive),
                  arena_strdup(a, member), NULL};
    char *const *failed = !try_run(link, &why) ? link : !try_run(ar, &why) ? ar : NULL;
    bool there = !failed && rename(archive, out) == 0;
    int error = errno;
    unlink(member);
    unlink(archive);
    rmdir(folder);
    if (failed)
        linking_failed(failed[0], why);
    if (!there)
        err("%s: %s", out, strerror(error));
}

void link_program(const Target *t, const LinkOptions *o, ProgramKind kind, const char *object,
                  const char *out)
{
    Arena *a = arena_new();
    if (kind == PROGRAM_ARCHIVE)
        link_archive(a, t, o, object, out);
    else if (kind == PROGRAM_SHARED)
        run(link_command(a, t, o, kind, object, out));
    else if (o->mpi_entry)
        link_mpi(a, t, o, object, out);
    else
        link_executable(a, link_command(a, t, o, kind, object, out));
    arena_free(a);
}

void link_so(const Target *t, const LinkOptions *o, const char *object, const char *so)
{
    Arena *a = arena_new();
    char *argv[] = {arena_strdup(a, driver(t, o)), "-shared", "-o", arena_strdup(a, so),
                    arena_strdup(a, object),       "-lm",     NULL};
    run(argv);
    arena_free(a);
}
