/* latentc show: a graph as text, dot or JSON, as it is written or after a pass. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "algorithm.h"
#include "one_graph.h"
#include "commands.h"
#include "graph_write.h"
#include "graphfile.h"
#include "listing.h"
#include "parse_text.h"
#include "pass.h"
#include "program_text.h"
#include "print.h"
#include "stage_report.h"
#include "tune.h"
#include "err.h"
#include "files.h"
#include "outfile.h"
#include "words.h"

typedef struct {
    const char *graph, *after, *format;
    CodeFlags code;
    bool memory, threads;
} ShowFlags;

static void parse(int argc, char **argv, ShowFlags *f)
{
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("The graph", "latentc show graphs/sd2/decoder.json --after norm --format dot"),
        {"after", 0, FLAG_STRING, &f->after, "STAGE", "expand (default): the graph as it is written; all: after every pass; algorithm: what each convolution costs in each form; lower: the program: steps, kernels, memory; or after one of the passes"
#define PASS(name, ...) " " #name
#include "passes.def"
#undef PASS
            , 0, 0},
        {"format", 0, FLAG_STRING, &f->format, "FORMAT", "text (default; reads back), dot, json, or latentc: a graph file of this graph; svg with --memory", 0, 0},
        FLAG_GROUP("The compiled graph", "latentc show graphs/sd2/decoder.json --memory --format svg > memory.svg"),
        {"memory", 0, FLAG_BOOL, &f->memory, NULL, "print how much memory the compiled graph needs, in bytes; with --format svg: a picture of the arena", 0, 0},
        {"threads", 0, FLAG_BOOL, &f->threads, NULL, "print tasks per barrier and the critical path for 1 to 64 threads", 0, 0},
        CODE_FLAGS(&f->code, "latentc show graphs/sd2/decoder.json --after algorithm --dtype bf16"),
    };
    /* clang-format on */
    Command cmd = {
        .usage = "latentc show GRAPH.json [flags]",
        .about =
            "Prints a graph as it is written, after a pass, or lowered. GRAPH may also be a text file (.txt) that show printed: a graph or a lowered program; with --after algorithm a pipeline.",
        .flags = flags,
        .n_flags = sizeof flags / sizeof flags[0],
        .least = 1,
        .most = 1,
        .arguments = &f->graph};
    flags_parse(&cmd, argc, argv);
    f->graph = graph_file(f->graph);
}

typedef struct {
    const char *name;
    void (*print)(const Graph *g, Buf *out);
} Format;
static const Format formats[] = {{"text", graph_print_text},
                                 {"dot", graph_print_dot},
                                 {"json", graph_print_json},
                                 {"latentc", graph_write_file}};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static const Format *find_format(const char *name)
{
    return &formats[name_choice("--format", name, NAMES_OF(formats, name, N_FORMATS))];
}

static void print(Buf *out)
{
    fwrite(out->data, 1, out->len, stdout);
    stdout_check();
    buf_free(out);
}

/* `latentc show FILE.txt` of a lowered program: prints it again. False: the file is none. */
static bool reprint_program(const ShowFlags *f)
{
    Program *p = program_open_text(f->graph);
    if (!p)
        return false;
    if (f->after || f->memory || f->threads || strcmp(f->format, "text") != 0 ||
        f->code.sets.list.n || f->code.sets.varies.n || strcmp(f->code.cache, "off") != 0 ||
        f->code.cache_level)
        usage_err("%s is a lowered program: show prints it as it is, without other flags",
                  f->graph);
    Buf out = {0};
    program_print(p, &out);
    print(&out);
    program_close_text(p);
    return true;
}

/* --after lower */
static void print_lowered(const ShowFlags *f, Graph *g, Buf *out)
{
    Program *p = program_for(&f->code);
    p->made_from = f->graph;
    program_add_tuned(p, g);
    program_print(p, out);
    program_free(p);
}

static Graph *load_graph(const ShowFlags *f)
{
    ParamSet *sets;
    GraphWeights none;
    int n = flags_sets(&f->code.sets, &sets);
    Graph *g = graph_open(f->graph, sets, n, NULL, &none);
    free(sets);
    flags_cache(&f->code, g);
    flags_quantise(&f->code, g);
    return g;
}

/* The memory plan of the compiled graph, with and without sharing. */
static void print_memory(const Stage *s, Buf *out)
{
    buf_printf(out, "weights            %15lld\n", (long long)s->weights_bytes);
    buf_printf(out, "arena              %15lld\n", (long long)s->arena_bytes);
    buf_printf(out, "arena, not shared  %15lld\n", (long long)s->arena_bytes_unshared);
    buf_printf(out, "cached per prompt  %15lld\n", (long long)s->prompt_bytes);
    buf_printf(out, "cached per step    %15lld\n", (long long)s->time_row_bytes);
    if (s->interval_bytes)
        buf_printf(out, "cached by full step%15lld\n", (long long)s->interval_bytes);
    buf_printf(out, "scratch per thread %15lld\n", (long long)s->scratch_bytes);
}

/* --memory, --threads: of the lowered graph. */
static void print_stage(const ShowFlags *f, bool svg, Graph *g, Buf *out)
{
    Program *p = program_for(&f->code);
    const Stage *s = p->stages[program_add_tuned(p, g)];
    if (f->threads)
        threads_print(s, out);
    else if (svg)
        memory_print_svg(s, out);
    else
        print_memory(s, out);
    program_free(p);
}

/* What --after takes in addition to the names of passes. */
typedef enum { AFTER_EXPAND, AFTER_ALL, AFTER_ALGORITHM, AFTER_LOWER, AFTER_PASS } After;
static const char *const stage_names[] = {
    [AFTER_EXPAND] = "expand",
    [AFTER_ALL] = "all",
    [AFTER_ALGORITHM] = "algorithm",
    [AFTER_LOWER] = "lower",
#define PASS(name, ...) #name,
#include "passes.def"
#undef PASS
};
enum { N_STAGES = sizeof stage_names / sizeof stage_names[0] };

static After find_stage(const char *name)
{
    if (!name)
        return AFTER_EXPAND;
    int i = name_choice("--after", name, NAMES(stage_names, N_STAGES));
    return i < AFTER_PASS ? (After)i : AFTER_PASS;
}

/* The algorithms that each convolution may use, and the one that it uses. */
static void print_algorithms(const Program *p, Graph *g, Buf *out)
{
    ConvChoice *choices;
    program_passes(p, g);
    if (p->tuning)
        tuning_measure(p, g);
    int n = choose_convolutions(g, p, &choices);
    print_choices(g, p, choices, n, out);
    free(choices);
}

/* --after algorithm of a graph. */
static void print_algorithms_of(const ShowFlags *f, Graph *g, Buf *out)
{
    Program *p = program_for(&f->code);
    print_algorithms(p, g, out);
    program_free(p);
}

/* The same of each model of a pipeline. */
static void print_pipeline(const ShowFlags *f, const Program *p, Buf *out)
{
    ParamSet *sets;
    int n = flags_sets(&f->code.sets, &sets);
    Pipeline *l = pipeline_load(f->graph, sets, n);
    free(sets);
    for (int i = 0; i < MODEL_COUNT; i++) {
        bool guided = model_rows[i].guided && p->fuse & FUSE_GUIDANCE &&
                      pipeline_guided(&l->model[MODEL_DIFFUSION_MODEL]);
        if (!l->model[i].graph)
            continue;
        Graph *g = pipeline_graph(&l->model[i], guided ? 2 : 1, guided);
        flags_quantise(&f->code, g);
        if (model_rows[i].guided)
            flags_cache(&f->code, g);
        print_algorithms(p, g, out);
        graph_free(g);
    }
    pipeline_close(l);
}

/* --after algorithm of a pipeline. False: the file is none. */
static bool show_pipeline(const ShowFlags *f, After after)
{
    size_t n = strlen(f->graph);
    bool json = n > 5 && strcmp(f->graph + n - 5, ".json") == 0;
    if (after != AFTER_ALGORITHM || f->memory || f->threads || !json || is_graph_file(f->graph))
        return false;
    Program *p = program_for(&f->code);
    Buf out = {0};
    print_pipeline(f, p, &out);
    print(&out);
    program_free(p);
    return true;
}

static void check_flags(const ShowFlags *f, After after)
{
    bool svg = strcmp(f->format, "svg") == 0, text = strcmp(f->format, "text") == 0;
    if (f->memory && f->threads)
        usage_err("--memory and --threads: one of them");
    if (svg && !f->memory)
        usage_err("--format svg goes with --memory");
    if ((f->memory || f->threads) && !svg && !text)
        usage_err("--format %s does not go with --%s, which prints text%s", f->format,
                  f->memory ? "memory" : "threads", f->memory ? " or svg" : "");
    if (strcmp(f->format, "latentc") == 0 && after != AFTER_EXPAND)
        usage_err(
            "--format latentc does not go with --after: graph files have no results of passes");
    if ((after == AFTER_ALGORITHM || after == AFTER_LOWER) && !svg && !text)
        usage_err("--format %s does not go with --after %s, which prints text", f->format,
                  stage_names[after]);
}

/* The graph as it is written or after passes. */
static void print_graph(const ShowFlags *f, const Format *format, After after, Graph *g, Buf *out)
{
    unsigned fuse = f->code.fuse ? fuse_parse(f->code.fuse) : FUSE_ALL;
    if (after != AFTER_EXPAND)
        passes_run(g, fuse, after == AFTER_PASS ? f->after : NULL, false);
    format->print(g, out);
}

int cmd_show(int argc, char **argv)
{
    ShowFlags f = {.format = "text", .code = CODE_DEFAULTS};
    parse(argc, argv, &f);
    After after = find_stage(f.after);
    check_flags(&f, after);
    bool svg = strcmp(f.format, "svg") == 0;
    const Format *format = svg ? NULL : find_format(f.format);
    if (show_pipeline(&f, after) || reprint_program(&f))
        return EXIT_OK;
    Graph *g = load_graph(&f);
    Buf out = {0};
    if (f.memory || f.threads)
        print_stage(&f, svg, g, &out);
    else if (after == AFTER_LOWER)
        print_lowered(&f, g, &out);
    else if (after == AFTER_ALGORITHM)
        print_algorithms_of(&f, g, &out);
    else
        print_graph(&f, format, after, g, &out);
    print(&out);
    graph_free(g);
    return EXIT_OK;
}
