/* latentc compile: one graph to an object file, assembly, LLVM IR or a program of its own. */
#include "open_models.h"
#include "write_program.h"
#include "codegen.h"
#include "program_text.h"
#include "commands.h"
#include "tune.h"
#include "flags.h"
#include "link.h"
#include "err.h"
#include "files.h"
#include "outfile.h"
#include "words.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* clang-format off */
static const struct { const char *name; OutKind kind; int mode; } kinds[] = {
    {"exe", OUT_OBJ, 0755}, {"obj", OUT_OBJ, 0644}, {"so", OUT_OBJ, 0755}, {"asm", OUT_ASM, 0644}, {"ll", OUT_LL, 0644}, {"bc", OUT_BC, 0644},
};
/* clang-format on */
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static int find_kind(const char *name)
{
    return name_choice("--emit", name, NAMES_OF(kinds, name, N_KINDS));
}

static void write_code(const char *path, const Code *c)
{
    OutFile *f = outfile_open(path);
    outfile_write(f, c->data, c->bytes);
    outfile_commit(f, 0644);
}

static void write_so(const Program *p, const LinkOptions *link, const char *path, const Code *c,
                     int mode)
{
    OutFile *o = outfile_scratch(path, ".o"), *so = outfile_open(path);
    outfile_write(o, c->data, c->bytes);
    fflush(outfile_stream(o));
    link_so(p->target, link, outfile_temp_path(o), outfile_temp_path(so));
    outfile_commit(so, mode);
    outfile_discard(o);
}

/* The subject: a graph, or the text of a program that was lowered before. */
typedef struct {
    Graph *g; /* NULL: lowered before */
    Program *p;
    GraphWeights from;
    WeightSource *source; /* of an exe */
} Input;

static void only_defaults(const CodeFlags *f, const char *path)
{
    const CodeFlags d = CODE_DEFAULTS;
    if (f->sets.list.n || f->sets.varies.n || f->fuse || f->forms || f->tune || f->tune_seconds ||
        strcmp(f->conv, d.conv) || strcmp(f->dtype, d.dtype) || strcmp(f->target, d.target) ||
        strcmp(f->optimize, d.optimize) || strcmp(f->cache, d.cache) || f->cache_level)
        usage_err(
            "compile: %s is a lowered program: its code is decided; leave out --set, --varies, --fuse, --conv, --forms, --cache, --optimize, --tune, --target and --dtype",
            path);
}

static Input open_input(const char *path, const CodeFlags *code, const WeightFlags *weights,
                        bool exe)
{
    Input in = {.p = program_open_text(path)};
    if (in.p) {
        only_defaults(code, path);
        const Graph *g = in.p->stages[0]->graph;
        graph_weights_find(g->name, weights, &in.from);
        in.source = exe ? graph_weights(g, &in.from, "compile") : NULL;
        return in;
    }
    ParamSet *values;
    int n = flags_sets(&code->sets, &values);
    in.g = graph_open(path, values, n, weights, &in.from);
    in.source = exe ? graph_weights(in.g, &in.from, "compile") : NULL;
    flags_cache(code, in.g);
    flags_quantise(code, in.g);
    in.p = program_for(code);
    program_add_tuned(in.p, in.g);
    in.p->made_from = path;
    return in;
}

static void close_input(Input *in)
{
    if (in->source)
        weights_close(in->source);
    if (in->from.checkpoint)
        checkpoint_close(in->from.checkpoint);
    if (!in->g) {
        program_close_text(in->p);
        return;
    }
    program_free(in->p);
    graph_free(in->g);
}

int cmd_compile(int argc, char **argv)
{
    const char *out = NULL, *emit = "exe", *arguments[1];
    CodeFlags code = CODE_DEFAULTS;
    LinkOptions link = {0};
    WeightFlags weights = {0};
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("Result", "latentc compile graphs/sd2/decoder.json --emit asm -o decoder.s"),
        {"output", 'o', FLAG_STRING, &out, "FILE", "the file to write", 0, 0},
        {"emit", 0, FLAG_STRING, &emit, "KIND", "exe (default), obj, so, asm, ll or bc", 0, 0},
        WEIGHTS_FLAGS(&weights, "latentc compile graphs/sd2/decoder.json --weights stable-diffusion-2-1-base -o decoder"),
        CODE_FLAGS(&code, "latentc compile graphs/sd2/decoder.json --weights synthetic:1 --set img_height=256 --set img_width=256 -o decoder"),
        FLAG_GROUP("Linking", "latentc compile graphs/sd2/decoder.json --weights synthetic:1 --target aarch64 --runtime build-aarch64/lib -o decoder"),
        {"cc", 0, FLAG_STRING, &link.cc, "DRIVER", "C compiler driver that links; default $CC or cc", 0, 0},
        {"runtime", 0, FLAG_STRING, &link.runtime, "DIR", "folder that holds liblatentrt.a for the target", 0, 0},
    };
    /* clang-format on */
    const Command command = {
        "latentc compile GRAPH.json -o FILE [--emit KIND] [flags]",
        "Compiles one graph. An exe reads its inputs from a safetensors file and writes its outputs to one, by the names in the graph:\n"
        "  latentc compile graphs/sd2/decoder.json --weights synthetic:1 -o decoder && ./decoder --inputs in.safetensors --outputs out.safetensors",
        flags,
        sizeof flags / sizeof flags[0],
        1,
        1,
        arguments};
    flags_parse(&command, argc, argv);
    arguments[0] = graph_file(arguments[0]);
    if (!out)
        usage_err("compile: -o FILE is missing");
    int kind = find_kind(emit);
    bool exe = strcmp(emit, "exe") == 0;
    output_claim(out);
    Input in = open_input(arguments[0], &code, &weights, exe);
    if (exe) {
        write_program(in.p, &in.source,
                      &(ProgramFiles){.kind = PROGRAM_GRAPH, .link = link, .path = out});
    } else {
        Code c = program_emit(in.p, kinds[kind].kind);
        if (strcmp(emit, "so") == 0)
            write_so(in.p, &link, out, &c, kinds[kind].mode);
        else
            write_code(out, &c);
        code_free(&c);
    }
    close_input(&in);
    return EXIT_OK;
}
