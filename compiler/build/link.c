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

/* The driver's output is shown only when it fails: a static libgomp always warns about an unused
 * dlopen. */
static void show_messages(FILE *messages)
{
    char line[1024];
    rewind(messages);
    while (fgets(line, sizeof line, messages))
        fputs(line, stderr);
}

/* Whether it went well. Why it did not is shown, or said in *why. */
static bool try_run(char *const *argv, const char **why)
{
    pid_t pid;
    FILE *messages = tmpfile();
    if (!messages)
        err("cannot make a temporary file: %s", strerror(errno));
    posix_spawn_file_actions_t redirect;
    posix_spawn_file_actions_init(&redirect);
    posix_spawn_file_actions_adddup2(&redirect, fileno(messages), 2);
    int status = 0, failed = posix_spawnp(&pid, argv[0], &redirect, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&redirect);
    while (!failed && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            err("cannot wait for '%s': %s", argv[0], strerror(errno));
    *why = failed ? strerror(failed) : NULL;
    if (status != 0)
        show_messages(messages);
    fclose(messages);
    return !failed && status == 0;
}

static _Noreturn void linking_failed(const char *program, const char *why)
{
    if (why)
        err("cannot run '%s': %s; install gcc, or name another compiler driver with --cc", program,
            why);
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
    else
        run(link_command(a, t, o, kind, object, out));
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
