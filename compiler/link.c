#include "link.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *driver(const Target *t, const LinkOptions *o) {
    if (o->cc) return o->cc;
    if (!target_is_host_arch(t)) return strncmp(t->triple, "aarch64", 7) == 0 ? "aarch64-linux-gnu-gcc" : "x86_64-linux-gnu-gcc";
    return getenv("CC") ? getenv("CC") : "cc";
}

/* The folder that holds `file`: as given, in the build tree (lib/ beside the program), or installed (../lib/latentc). */
static const char *runtime_folder(Arena *a, const Target *t, const LinkOptions *o, const char *file) {
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) err("cannot find this program's own folder: %s", strerror(errno));
    self[n] = 0;
    *strrchr(self, '/') = 0;
    const char *arch = target_is_host_arch(t) ? "" : strncmp(t->triple, "aarch64", 7) == 0 ? "-aarch64" : "-x86_64";
    const char *places[] = {o->runtime, arena_printf(a, "%s/lib%s", self, arch), arena_printf(a, "%s/../build%s/lib", self, arch),
                            arena_printf(a, "%s/../lib/latentc%s", self, arch)};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i] && access(arena_printf(a, "%s/%s", places[i], file), R_OK) == 0) return places[i];
    err("the runtime for %s is missing: %s is neither in %s nor in %s; give its folder with --runtime", t->name, file, places[1], places[3]);
}

/* What the driver says is shown only when it fails: a static libgomp always warns about an unused dlopen. */
static void show_messages(FILE *messages) {
    char line[1024];
    rewind(messages);
    while (fgets(line, sizeof line, messages)) fputs(line, stderr);
}

static void run(char *const *argv) {
    pid_t pid;
    FILE *messages = tmpfile();
    if (!messages) err("cannot make a temporary file: %s", strerror(errno));
    posix_spawn_file_actions_t redirect;
    posix_spawn_file_actions_init(&redirect);
    posix_spawn_file_actions_adddup2(&redirect, fileno(messages), 2);
    int status, failed = posix_spawnp(&pid, argv[0], &redirect, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&redirect);
    if (failed) err("cannot run the linker driver '%s': %s; install gcc or name another with --cc", argv[0], strerror(failed));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) err("cannot wait for '%s': %s", argv[0], strerror(errno));
    if (status != 0) show_messages(messages);
    fclose(messages);
    if (status != 0) err("'%s' could not link the program (its message is above)", argv[0]);
}

void link_exe(const Target *t, const LinkOptions *o, const char *object, const char *entry, const char *exe) {
    Arena *a = arena_new();
    const char *folder = runtime_folder(a, t, o, entry);
#ifdef LATENTC_CLANG_RUNTIME /* the runtime was compiled by clang: it needs libomp, of which there is no static one */
    char *first = "-pthread", *last = "-l:libomp.so.5";
#else
    char *first = "-static", *last = "-fopenmp";
#endif
    char *argv[] = {arena_strdup(a, driver(t, o)), first, "-o", arena_strdup(a, exe), arena_strdup(a, object),
                    arena_printf(a, "%s/%s", folder, entry), arena_printf(a, "%s/liblatentrt.a", folder), "-lpng16", "-lz", "-lpcre2-8",
                    "-lutf8proc", "-lm", last, NULL};
    run(argv);
    arena_free(a);
}

void link_so(const Target *t, const LinkOptions *o, const char *object, const char *so) {
    Arena *a = arena_new();
    char *argv[] = {arena_strdup(a, driver(t, o)), "-shared", "-o", arena_strdup(a, so), arena_strdup(a, object), "-lm", NULL};
    run(argv);
    arena_free(a);
}
