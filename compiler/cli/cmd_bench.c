/* latentc bench: every stage of a pipeline, fused and unfused, against what this machine can do,
 * measured in the same run. */
#include "bench.h"
#include "bench_trust.h"
#include "commands.h"
#include "err.h"
#include "hardware.h"
#include "files.h"
#include "one_graph.h"
#include "outfile.h"
#include "words.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

typedef struct {
    const char *stages, *json, *html;
    int64_t threads;
    bool profile, ladder, kernels;
} BenchFlags;

static bool wanted(const char *list, const char *name)
{
    if (!list)
        return true;
    size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncmp(p, name, n) == 0)
            return true;
    return false;
}

/* Every name of the list is a stage of this pipeline. */
static void check_stages(const Bench *b, const char *list)
{
    const char *names[MODEL_COUNT];
    for (int i = 0; i < MODEL_COUNT; i++)
        names[i] = b->items[i].model->graph ? b->items[i].name : NULL;
    for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ","), p);
        for (int i = MODEL_TINY_DECODER; i <= MODEL_TINY_IMAGE_ENCODER; i++)
            if (!names[i] && !strcmp(name, model_rows[i].measured))
                usage_err(
                    "--stage %s: not in this pipeline: --taesd SPEC adds it (synthetic:1 for a measurement)",
                    name);
        name_choice("--stage", name, NAMES(names, MODEL_COUNT));
    }
}

static void check_batch(const Bench *b, const BenchFlags *f)
{
    if (b->batch > 1 && b->batch % 2 && wanted(f->stages, "guided_step"))
        usage_err("--batch %lld: a guided step has two halves of the same size",
                  (long long)b->batch);
}

static void measure_item(Bench *b, Item *item, const BenchFlags *f)
{
    Matches matches;
    Setting set = {"fused", fuse_parse(b->code.fuse ? b->code.fuse : "all"),
                   conv_parse(b->code.conv), dtype_parse(b->code.dtype)};
    item->fused = stage_measure(b, item, &set, &matches);
    item->measured = true;
    report_stage(item, &item->fused);
    if (f->profile)
        report_kinds(b, &item->fused);
    if (!b->fused_only) {
        set.name = "unfused";
        set.fuse = FUSE_NONE;
        item->unfused = stage_measure(b, item, &set, NULL);
        regions_compare(&item->fused, &item->unfused, &matches);
        report_stage(item, &item->unfused);
        if (f->profile)
            report_kinds(b, &item->unfused);
    }
    if (f->ladder)
        stage_ladder(b, item);
}

static void print_machine(const Machine *m)
{
    for (int i = 0; i < m->n_units; i++)
        fprintf(stderr, "%-32s %8.1f GFLOP/s on one thread, %8.1f on %d\n", m->units[i].text,
                m->units[i].one / 1e9, m->units[i].all / 1e9, m->threads);
    for (int i = 0; i < m->n_reads; i++)
        fprintf(stderr, "reading from %-19s %8.1f GB/s on one thread,    %8.1f on %d\n",
                m->reads[i].level, m->reads[i].one / 1e9, m->reads[i].all / 1e9, m->threads);
}

static void write_reports(const Bench *b, OutFile *json_file, OutFile *html_file)
{
    Buf json = {0}, html = {0};
    report_json(b, &json);
    if (json_file) {
        outfile_write(json_file, json.data, json.len);
        outfile_commit(json_file, 0644);
    } else {
        fwrite(json.data, 1, json.len, stdout);
        stdout_check();
    }
    if (html_file) {
        report_html(b, &html);
        outfile_write(html_file, html.data, html.len);
        outfile_commit(html_file, 0644);
    }
    buf_free(&json);
    buf_free(&html);
}

static void parse(int argc, char **argv, Bench *b, BenchFlags *f)
{
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("What is measured", "latentc bench graphs/sd2/pipeline.json --stage guided_step --ladder"),
        {"stage", 0, FLAG_STRING, &f->stages, "NAME,...", "of text_encoder, guided_step, decoder, image_encoder, and with --taesd tiny_decoder, tiny_image_encoder; default: all", 0, 0},
        {"ladder", 0, FLAG_BOOL, &f->ladder, NULL, "measure each stage with more and more passes, then convolution algorithms, then bf16", 0, 0},
        {"kernels", 0, FLAG_BOOL, &f->kernels, NULL, "measure every distinct convolution, product and attention alone, instead of stages", 0, 0},
        {"only", 0, FLAG_STRING, &b->only, "TEXT", "with --kernels: only those whose kind or shape contains TEXT", 0, 0},
        {"batch", 0, FLAG_INT, &b->batch, "N", "batch of every model; default 1; of the guided step 2 (1: without guidance)", 1, 1024},
        {"fused-only", 0, FLAG_BOOL, &b->fused_only, NULL, "do not measure the unfused baseline", 0, 0},
        {"serve", 0, FLAG_BOOL, &b->serve, NULL, "one stage, fused: run once for every line on standard input, and print \"run SECONDS\"", 0, 0},
        {"repeat", 0, FLAG_INT, &b->repeat, "N", "timed runs, after one that warms up; default 3", 1, 1000},
        {"threads", 't', FLAG_INT, &f->threads, "N", "threads; default: one per physical core", 1, 4096},
        FLAG_GROUP("Results", "latentc bench graphs/shapes/pipeline.json --json bench.json --html bench.html"),
        {"json", 0, FLAG_STRING, &f->json, "FILE", "write the results to FILE; default: standard output", 0, 0},
        {"html", 0, FLAG_STRING, &f->html, "FILE", "also write a page with plots that needs no network: roofline, ladder, one step on every thread", 0, 0},
        {"profile", 0, FLAG_BOOL, &f->profile, NULL, "print where each stage's time goes, by kind of kernel", 0, 0},
        WEIGHTS_FLAGS(&b->weights, "latentc bench graphs/sd2/pipeline.json --weights stable-diffusion-2-1-base --stage decoder"),
        TINY_FLAGS(&b->weights),
        CODE_FLAGS(&b->code, "latentc bench graphs/sd2/pipeline.json --stage decoder --dtype bf16 --conv direct"),
    };
    /* clang-format on */
    const Command command = {
        "latentc bench PIPELINE.json | GRAPH.json [flags]",
        "Measures the peaks of this machine, then every stage of a pipeline or one graph, fused and unfused, and compares each fused operation with the peaks.\n"
        "Prints lines on standard error and JSON on standard output; docs/bench.md and docs/bench-schema.json explain every field.",
        flags,
        sizeof flags / sizeof flags[0],
        1,
        1,
        &b->pipeline_path};
    flags_parse(&command, argc, argv);
    b->pipeline_path = graph_file(b->pipeline_path);
    if (b->serve && (!f->json || !f->stages || strchr(f->stages, ',') || f->ladder || f->kernels))
        usage_err(
            "bench --serve: needs --json FILE and --stage with one name; --ladder and --kernels do not go with it");
    if (b->only && !f->kernels)
        usage_err("bench --only: goes with --kernels");
    b->fused_only |= b->serve;
    b->threads = threads_to_use(f->threads);
    b->trace = f->html != NULL;
}

/* A graph alone is one stage of its name, without the loop around it. */
static void open_items(Bench *b, const ParamSet *sets, int n_sets)
{
    bool alone = is_graph_file(b->pipeline_path);
    if (alone && b->weights.tiny.n)
        usage_err("--taesd goes with a pipeline; %s is one graph, whose weights are --weights",
                  b->pipeline_path);
    b->pipeline = alone ? pipeline_of_graph(b->pipeline_path, sets, n_sets, &b->weights)
                        : pipeline_open(b->pipeline_path, sets, n_sets, &b->weights, NULL);
    for (int i = 0; i < MODEL_COUNT; i++)
        b->items[i] = (Item){.name = alone ? b->pipeline->name : model_rows[i].measured,
                             .model = &b->pipeline->model[i],
                             .guided = !alone && pipeline_guided(&b->pipeline->model[i]),
                             .in_loop = model_rows[i].guided && !alone,
                             .caches = model_rows[i].guided || alone};
}

int cmd_bench(int argc, char **argv)
{
    Bench b = {.arena = arena_new(), .code = CODE_DEFAULTS, .repeat = 3};
    BenchFlags f = {0};
    parse(argc, argv, &b, &f);
    ParamSet *sets;
    int n_sets = flags_sets(&b.code.sets, &sets);
    if (f.json)
        output_claim(f.json);
    if (f.html)
        output_claim(f.html);
    open_items(&b, sets, n_sets);
    check_stages(&b, f.stages);
    for (int i = 0; i < MODEL_COUNT; i++)
        b.items[i].skip = !wanted(f.stages, b.items[i].name);
    check_batch(&b, &f);
    OutFile *json = f.json ? outfile_open(f.json) : NULL,
            *html = f.html ? outfile_open(f.html) : NULL;
    Products of = dtype_products(b.code.dtype); /* in f32, too, bf16's peak is reported */
    const Target *t = target_for(b.code.target, of == PRODUCTS_F32 ? PRODUCTS_BF16 : of);
    b.machine = machine_measure(t, b.threads);
    print_machine(&b.machine);
    trust_machine(&b);
    if (f.kernels) {
        kernels_measure(&b);
        trust_kernels(&b);
        report_kernels(&b);
    }
    for (int i = 0; i < MODEL_COUNT && !f.kernels; i++)
        if (b.items[i].model->graph && !b.items[i].skip)
            measure_item(&b, &b.items[i], &f);
    if (!b.serve)
        trust_end(&b, machine_again(&b.machine));
    write_reports(&b, json, html);
    arena_free(b.arena);
    return EXIT_OK;
}
