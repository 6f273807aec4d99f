/* latentc build: a pipeline file becomes one standalone program. */
#include "build.h"
#include "calibrate.h"
#include "defaults.h"
#include "families.h"
#include "tiny_models.h"
#include "write_program.h"
#include "commands.h"
#include "flags.h"
#include "outfile.h"
#include "vocab.h"
#include "words.h"
#include "progress.h"
#include "err.h"
#include "files.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

typedef struct {
    const char *vocab, *emit;
    const char *calibrate, *int8_error; /* prompts; NULL: no calibration */
    DefaultFlags defaults;
    ProgramFiles files;
    PipelineFlags of;
    bool quiet, mpi;
} BuildFlags;

/* One line of progress: what was done and how long it took. */
static void done(const BuildFlags *f, double *since, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void done(const BuildFlags *f, double *since, const char *fmt, ...)
{
    va_list ap;
    double t = lrt_now();
    if (!f->quiet) {
        char text[2048];
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        note("%6.2f s  %s", t - *since, text);
    }
    *since = t;
}

static void report_memory(const BuildFlags *f, const Program *p)
{
    for (int i = 0; i < p->n_stages && !f->quiet; i++) {
        const Stage *s = p->stages[i];
        fprintf(
            stderr,
            "          %-16s weights %8.1f MB, arena %7.1f MB (%.1f MB without sharing), %d kernel calls",
            s->graph->name, (double)s->weights_bytes / 1e6, (double)s->arena_bytes / 1e6,
            (double)s->arena_bytes_unshared / 1e6, s->n_steps);
        if (s->weights_shared)
            fprintf(stderr, "; %.1f MB of weights shared with stages above",
                    (double)s->weights_shared / 1e6);
        fputc('\n', stderr);
    }
}

static ProgramKind find_kind(const char *name)
{
    static const char *const names[] = {"exe", "so", "a"};
    static const ProgramKind kinds[] = {PROGRAM_GENERATOR, PROGRAM_SHARED, PROGRAM_ARCHIVE};
    return kinds[name_choice("--emit", name, NAMES(names, 3))];
}

static void parse(int argc, char **argv, BuildFlags *f, const char **pipeline)
{
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("Program", "latentc build graphs/shapes/pipeline.json --sizes 128x128,192x128 -o shapes"),
        {"output", 'o', FLAG_STRING, &f->files.path, "EXE", "the generator to write", 0, 0},
        {"emit", 0, FLAG_STRING, &f->emit, "KIND", "exe (default); so or a: a library with the C interface of latentrt.h", 0, 0},
        SIZE_FLAGS(&f->of),
        {"quiet", 'q', FLAG_BOOL, &f->quiet, NULL, "print no progress", 0, 0},
        WEIGHTS_FLAGS(&f->of.weights, "latentc build graphs/sd2/pipeline.json --weights stable-diffusion-2-1-base -o sd2"),
        {"vocab", 0, FLAG_STRING, &f->vocab, "FILE", "merges file (.txt, .gz), tokenizer.json, or a folder; default: tokenizer/ in the folder of the weights", 0, 0},
        {"weights-file", 0, FLAG_STRING, &f->files.weights, "FILE", "write packed weights to a file of their own; the generator looks for it in its own folder; default: in the generator", 0, 0},
        DEFAULT_FLAGS(&f->defaults, "latentc build graphs/shapes/pipeline.json --steps 10 --cfg-scale 5 --sampling-method dpm++2m -o shapes"),
        CODE_FLAGS(&f->of.code, "latentc build graphs/shapes/pipeline.json --dtype bf16 --tune tune.json -o shapes"),
        FLAG_GROUP("Calibration", "latentc build graphs/shapes/pipeline.json --dtype int8 --calibrate prompts.txt -o shapes"),
        {"calibrate", 0, FLAG_STRING, &f->calibrate, "PROMPTS", "with --dtype int8: measure on these prompts, one a line, which layers of the diffusion model stay in bf16; --int8-layers FILE (default: EXE.layers) gets them, and they are used", 0, 0},
        {"int8-error", 0, FLAG_STRING, &f->int8_error, "X", "with --calibrate: the most relative rms error of the model's output; default 0.045", 0, 0},
        FLAG_GROUP("Linking", "latentc build graphs/shapes/pipeline.json --target aarch64 --runtime build-aarch64/lib -o shapes-aarch64"),
        {"cc", 0, FLAG_STRING, &f->files.link.cc, "DRIVER", "C compiler driver that links; default $CC or cc", 0, 0},
        {"runtime", 0, FLAG_STRING, &f->files.link.runtime, "DIR", "folder that holds liblatentrt.a for the target", 0, 0},
        FLAG_GROUP("Clusters", "latentc build graphs/shapes/pipeline.json --mpi -o shapes"),
        {"mpi", 0, FLAG_BOOL, &f->mpi, NULL, "the generator runs under the system's MPI: its ranks share a list of prompts", 0, 0},
        {"mpicc", 0, FLAG_STRING, &f->files.link.mpicc, "DRIVER", "with --mpi: the compiler driver of the MPI; default mpicc", 0, 0},
    };
    /* clang-format on */
    const Command command = {
        "latentc build PIPELINE.json -o EXE [flags]",
        "Compiles a pipeline into one program that needs nothing else. It contains code, packed weights and vocabulary.\n"
        "  latentc build graphs/shapes/pipeline.json -o shapes && ./shapes -p \"a red circle on a blue background\"",
        flags,
        sizeof flags / sizeof flags[0],
        1,
        1,
        pipeline};
    flags_parse(&command, argc, argv);
    *pipeline = graph_file(*pipeline);
    if (!f->files.path)
        usage_err("build: -o EXE is missing");
    f->files.kind = find_kind(f->emit);
    if (f->mpi && f->files.kind != PROGRAM_GENERATOR)
        usage_err("build: --mpi is for programs, not for --emit %s", f->emit);
    if (f->files.link.mpicc && !f->mpi)
        usage_err("build: --mpicc goes with --mpi");
}

/* Measures which layers stay in bf16, and takes them: --calibrate. */
static void calibrate_layers(const BuildFlags *f, const char *pipeline, const Pipeline *opened,
                             const char *over)
{
    char *end = NULL;
    double most = f->int8_error ? strtod(f->int8_error, &end) : CALIBRATE_ERROR;
    const CodeFlags *code = &f->of.code;
    if (f->int8_error && !f->calibrate)
        usage_err("build: --int8-error goes with --calibrate");
    if (!f->calibrate)
        return;
    if (f->int8_error && (end == f->int8_error || *end || !(most > 0) || most > 1))
        usage_err("--int8-error: found '%s', expected a number above 0, at most 1", f->int8_error);
    if (strcmp(code->dtype, "int8") != 0)
        usage_err("build: --calibrate goes with --dtype int8");
    if (code->int8_layers && strcmp(code->int8_layers, "all") == 0)
        usage_err(
            "build: --calibrate chooses layers: expected --int8-layers FILE, which it writes");
    calibrate(&(Calibration){.pipeline = pipeline,
                             .over = over,
                             .flags = &f->of,
                             .opened = opened,
                             .vocab = f->files.vocab,
                             .vocab_bytes = f->files.vocab_bytes,
                             .prompts = f->calibrate,
                             .layers = code->int8_layers,
                             .most = most,
                             .quiet = f->quiet});
}

/* The entry of a generator that runs under MPI, compiled before the long work: here it turns out
 * whether there is an MPI. NULL without --mpi. */
static OutFile *mpi_entry(BuildFlags *f)
{
    LinkOptions *link = &f->files.link;
    const Target *t = target_for(f->of.code.target, dtype_products(f->of.code.dtype));
    if (!f->mpi)
        return NULL;
    if (!link->mpicc && !target_is_host_arch(t))
        err("--mpi: %s is another architecture: name the compiler driver of its MPI with --mpicc",
            t->name);
    link->mpicc = link->mpicc ? link->mpicc : "mpicc";
    OutFile *o = outfile_scratch(f->files.path, ".mpi.o");
    link_mpi_entry(t, link, outfile_temp_path(o));
    link->mpi_entry = outfile_temp_path(o);
    return o;
}

/* What a checkpoint's files say and the program does not do: also without progress, because it
 * changes pictures. */
static void report_notes(const Checkpoint *c)
{
    for (const char *line = c->notes; line && *line; line += strcspn(line, "\n") + 1)
        note("note: %.*s", (int)strcspn(line, "\n"), line);
}

/* Prints what each checkpoint is taken for, and why. */
static void report_checkpoints(const BuildFlags *f, const Pipeline *l)
{
    for (int i = 0; i < MODEL_COUNT; i++) {
        const Checkpoint *c = l->model[i].checkpoint;
        bool told = false;
        for (int k = 0; k < i; k++)
            told |= l->model[k].checkpoint == c;
        const char *family = c && !told ? family_text(c->arena, c->settings) : NULL;
        if (c && !told && json_ok(c->settings) && !f->quiet)
            note("          %s: %s (%s)", c->spec, c->taken_for, c->why);
        if (family && !f->quiet)
            note("          family %s", family);
        if (c && !told)
            report_notes(c);
    }
    Arena *a = arena_new();
    const char *decoders = tiny_text(a, l, &f->of);
    if (decoders && !f->quiet)
        note("          %s", decoders);
    arena_free(a);
}

/* A program looks for a file of weights by its name, in its own folder. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void report_files(const BuildFlags *f, Arena *a)
{
    if (f->quiet || !f->files.weights)
        return;
    const char *weights = f->files.weights;
    if (f->files.kind == PROGRAM_ARCHIVE)
        note("          weights in %s; link with %s", weights, link_libraries(a));
    else
        note("          weights in %s: keep it in the folder of %s", weights,
             name_of(f->files.path));
}

int cmd_build(int argc, char **argv)
{
    BuildFlags f = {.emit = "exe", .of.code = CODE_DEFAULTS};
    const char *path;
    parse(argc, argv, &f, &path);
    double since = lrt_now(), start = since;
    Arena *a = arena_new();
    bool archive = f.files.kind == PROGRAM_ARCHIVE;
    if (archive && !f.files.weights)
        f.files.weights = library_weights_path(a, f.files.path);
    f.of.code.quiet = f.quiet;
    if (f.calibrate && !f.of.code.int8_layers)
        f.of.code.int8_layers = arena_printf(a, "%s.layers", f.files.path);
    if (f.calibrate)
        output_claim_update(f.of.code.int8_layers); /* it is read after it is written */
    output_claim(f.files.path);
    if (f.files.weights)
        output_claim(f.files.weights);
    OutFile *entry = mpi_entry(&f);
    Build b;
    f.of.sizes = sizes_parse(f.of.sizes_text, f.defaults.size);
    build_open(&b, path, &f.of, defaults_over(a, &f.defaults));
    report_checkpoints(&f, b.of_size[0]);
    defaults_steps(&f.defaults, b.of_size[0]);
    defaults_check(&f.defaults, b.of_size[0]);
    pipeline_need_weights(b.of_size[0]);
    const char *vocab_path = f.vocab ? f.vocab : b.of_size[0]->vocab;
    if (!vocab_path)
        usage_err(
            "build: no vocabulary: give --vocab with a merges file (.txt, .gz) or a folder with vocab.json and merges.txt");
    void *vocab = vocab_load(vocab_path, &f.files.vocab_bytes);
    f.files.vocab = vocab;
    calibrate_layers(&f, path, b.of_size[0], defaults_over(a, &f.defaults));
    build_lower(&b, path);
    if (!f.quiet)
        note("          defaults: %s", defaults_text(a, b.of_size[0]));
    Program *p = b.program;
    done(&f, &since, "graphs, passes, kernels: %d kernels", p->n_kernels);
    p->quiet = f.quiet;
    if (archive) /* the file of weights has the vocabulary, too */
        p->options = arena_printf(a, "%s --vocab %s", p->options, shell_word(a, vocab_path));
    f.files.about = build_about(a, &b);
    b.constants.weights_file = f.files.weights ? name_of(f.files.weights) : NULL;
    p->pipeline = &b.constants;
    write_program(p, b.sources, &f.files);
    done(&f, &since, "code for %s, linked; %.1f MB of weights packed", p->target->name,
         (double)p->weights_bytes / 1e6);
    report_memory(&f, p);
    done(&f, &start, "%s", f.files.path);
    report_files(&f, a);
    build_close(&b);
    if (entry)
        outfile_discard(entry);
    free(vocab);
    arena_free(a);
    return EXIT_OK;
}
