/* latentc: finds the command and hands over. The table of commands is commands.h. */
#include "commands.h"
#include "codegen.h"
#include "crash.h"
#include "err.h"
#include "threads.h"
#include "outfile.h"
#include "streams.h"
#include "utf8.h"
#include "words.h"

#include <omp.h>
#include <string.h>
#include <stdio.h>

/* A row without a name is a headline of --help, which is its text. */
typedef struct {
    const char *name, *args, *text;
    int (*run)(int argc, char **argv);
} Row;

#define GROUP_ROW(headline) {NULL, "", headline, NULL},
#define COMMAND_ROW(name, args, text) {#name, args, text, cmd_##name},
static const Row rows[] = {COMMANDS(GROUP_ROW, COMMAND_ROW)};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static void print_help(void)
{
    puts("latentc: ahead-of-time compiler for latent diffusion\n\n"
         "usage: latentc COMMAND [ARGUMENTS]\n"
         "       latentc COMMAND --help\n"
         "       latentc --version\n\n"
         "Pipelines that come with latentc have names: sd2, shapes. Graphs, too: sd2/decoder.");
    for (const Row *r = rows; r < rows + N_ROWS; r++) {
        if (!r->name)
            printf("\n%s:\n", r->text);
        else
            printf("  %-8s %-37s %s\n", r->name, r->args, r->text);
    }
    puts(
        "\nFrom text to a picture:\n"
        "  latentc build graphs/shapes/pipeline.json -o shapes\n"
        "  ./shapes -p \"a red circle on a blue background\" -o circle.png\n\n"
        "Exit codes: 0 success, 1 an error that you can fix (a file, a graph, weights, the disk), 2 wrong usage, 70 a bug in latentc.");
}

static int run_command(int argc, char **argv)
{
    lrt_crash_guard("latentc", err_run_at_end);
    if (argc < 2)
        usage_err("a command is missing; 'latentc --help' lists them");
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        print_help();
        return EXIT_OK;
    }
    if (!strcmp(word, "--version")) {
        char llvm[32];
        llvm_version(llvm, sizeof llvm);
        printf("latentc " LATENTC_VERSION " (LLVM %s)\n", llvm);
        return EXIT_OK;
    }
    static const char *const flags[] = {"--help", "--version"};
    if (word[0] == '-')
        usage_err("unknown flag '%s': %s", LRT_BRIEFLY(word), name_hint(word, NAMES(flags, 2)));
    int i = name_find(word, NAMES_OF(rows, name, N_ROWS));
    if (i < 0)
        usage_err("unknown command '%s': %s", LRT_BRIEFLY(word),
                  name_hint(word, NAMES_OF(rows, name, N_ROWS)));
    lrt_error fewer; /* not said: commands that let the user choose say it */
    omp_set_num_threads(lrt_threads(omp_get_max_threads(), &fewer));
    return rows[i].run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    lrt_streams_begin();
    int code = run_command(argc, argv);
    stdout_check();
    return code;
}
