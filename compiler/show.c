/* latentc show: a graph as text, dot or JSON, as it is written or after a pass. */
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "build.h"
#include "commands.h"
#include "pass.h"

typedef struct {
    const char *graph, *after, *format;
    CodeFlags code;
    bool memory;
} ShowFlags;

static void parse(int argc, char **argv, ShowFlags *f)
{
    const Flag flags[] = {
        {"after", 0, FLAG_STRING, &f->after, "PASS", "run the passes up to this one; expand: none; all: every pass; algorithm: what convolutions cost", 0, 0},
        CODE_FLAGS(&f->code),
        {"format", 0, FLAG_STRING, &f->format, "FORMAT", "text (default; reads back), dot or json", 0, 0},
        {"memory", 0, FLAG_BOOL, &f->memory, NULL, "what the compiled graph will need, in bytes", 0, 0},
    };
    Command cmd = {.usage = "latentc show GRAPH.json [flags]",
                   .about = "Prints a graph as it is written, or after a pass. GRAPH may also be a text file (.txt) that\n"
                            "show printed.",
                   .flags = flags, .n_flags = sizeof flags / sizeof flags[0], .least = 1, .most = 1, .arguments = &f->graph};
    flags_parse(&cmd, argc, argv);
}

typedef struct { const char *name; void (*print)(const Graph *g, Buf *out); } Format;
static const Format formats[] = {{"text", graph_print_text}, {"dot", graph_print_dot}, {"json", graph_print_json}};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static const Format *find_format(const char *name)
{
    const char *names[N_FORMATS];
    for (int i = 0; i < N_FORMATS; i++) {
        names[i] = formats[i].name;
        if (strcmp(name, names[i]) == 0)
            return &formats[i];
    }
    const char *near = nearest_word(name, names, N_FORMATS);
    usage_err("--format: found '%s', expected text, dot or json%s%s%s", name,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static Graph *load_graph(const ShowFlags *f)
{
    ParamSet *sets;
    int n = flags_sets(&f->code.sets, &sets);
    size_t length = strlen(f->graph);
    Graph *g;
    if (length > 4 && strcmp(f->graph + length - 4, ".txt") == 0) {
        if (n)
            usage_err("--set: a text file has no parameters");
        char *text = read_file(f->graph, NULL);
        g = graph_parse_text(text, f->graph);
        free(text);
    } else {
        g = graph_load(f->graph, sets, n);
    }
    free(sets);
    return g;
}

/* The memory plan of the compiled graph, with and without sharing. */
static void print_memory(const ShowFlags *f, Graph *g)
{
    Program *p = program_for(&f->code);
    const Stage *s = p->stages[program_add(p, g)];
    printf("weights            %15lld\n", (long long)s->weights_bytes);
    printf("arena              %15lld\n", (long long)s->arena_bytes);
    printf("arena, not shared  %15lld\n", (long long)s->arena_bytes_unshared);
    printf("kept for a prompt  %15lld\n", (long long)s->prompt_bytes);
    printf("kept for a step    %15lld\n", (long long)s->time_row_bytes);
    printf("scratch per thread %15lld\n", (long long)s->scratch_bytes);
    program_free(p);
}

/* What each convolution may be computed by, and is. */
static void print_algorithms(const ShowFlags *f, const Graph *g, Buf *out)
{
    ConvChoice *choices;
    int n = choose_convolutions(g, target_for(f->code.target, dtype_parse(f->code.dtype)), conv_parse(f->code.conv), dtype_parse(f->code.dtype), CONV_GROWTH, &choices);
    print_choices(g, choices, n, out);
    free(choices);
}

int cmd_show(int argc, char **argv)
{
    ShowFlags f = {.format = "text", .code = CODE_DEFAULTS};
    parse(argc, argv, &f);
    const Format *format = find_format(f.format);
    unsigned fuse = f.code.fuse ? fuse_parse(f.code.fuse) : FUSE_ALL;
    Graph *g = load_graph(&f);
    if (f.memory) {
        print_memory(&f, g);
        graph_free(g);
        return EXIT_OK;
    }
    bool expand = !f.after || strcmp(f.after, "expand") == 0;
    bool algorithm = f.after && strcmp(f.after, "algorithm") == 0;
    if (!expand)
        passes_run(g, fuse, algorithm || strcmp(f.after, "all") == 0 ? NULL : f.after, false);
    Buf out = {0};
    if (algorithm)
        print_algorithms(&f, g, &out);
    else
        format->print(g, &out);
    fwrite(out.data, 1, out.len, stdout);
    if (fflush(stdout) != 0)
        err("standard output cannot be written");
    buf_free(&out);
    graph_free(g);
    return EXIT_OK;
}
