/* latentc bench: every stage of a pipeline, fused and unfused, as a share of the machine's peak measured in the same run. */
#include "bench_serve.h"
#include "commands.h"
#include "flags.h"
#include "jit.h"
#include "../runtime/progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *stages, *json, *target, *conv, *dtype;
    FlagList weights, sets;
    int64_t repeat, threads;
    bool fused_only, profile, serve;
} BenchFlags;

typedef struct { double min, median, prepare, gflop, share; int64_t peak_bytes; } Result;
typedef struct { const char *name; const struct PipelineModel *model; bool guided; bool measured; Result result[2]; /* fused, unfused */ } Item;
typedef struct { const BenchFlags *f; const Pipeline *l; double peak; /* FLOP/s */ int threads; } Bench;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The best of five runs of a kernel that does nothing but multiply-adds in registers, on every thread. */
static double measure_peak(const Target *t, bool bf16, int threads) {
    Program *p = program_new(t, FUSE_NONE, CONV_DIRECT, bf16);
    const int64_t iterations = 4000000;
    double flops = program_add_peak(p, iterations, threads), best = 0;
    WeightSource *none = NULL;
    Engine *e = engine_new(p, &none);
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(engine_program(e)->stages[0], engine_weights(e, 0), threads, &failed);
    if (!x) err("%s", failed);
    float out[64];
    lrt_set_output(x, 0, out);
    for (int i = 0; i < 5; i++) {
        double start = lrt_now();
        lrt_run_step(x, 0);
        double rate = flops / (lrt_now() - start);
        if (rate > best) best = rate;
    }
    lrt_instance_free(x);
    engine_free(e);
    return best;
}

/* Inputs of unit size (ids: small numbers), outputs zeroed. */
static void set_buffers(lrt_instance *x, const Graph *g, void **buffers) {
    int n = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        int64_t count = shape_count(&t->shape);
        float *p = xmalloc((size_t)count * 4);
        if (t->dtype == DT_F32) synthetic_weight(i + 1, "bench", "x.gamma", &t->shape, p);
        else for (int64_t k = 0; k < count; k++) ((int32_t *)p)[k] = (int32_t)(k % 7);
        lrt_set_input(x, i, p);
        buffers[n++] = p;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        float *p = xcalloc((size_t)shape_count(&tensor(g, g->outputs[i])->shape), 4);
        lrt_set_output(x, i, p);
        buffers[n++] = p;
    }
}

static double plan_flops(const lrt_plan *p) {
    double f = 0;
    for (uint32_t i = 0; i < p->n_steps; i++) f += p->steps[i].flops;
    return f;
}

typedef struct { const char *kind; double seconds, flops; int n; } Share;
static int by_seconds(const void *a, const void *b) {
    double x = ((const Share *)a)->seconds, y = ((const Share *)b)->seconds;
    return (x < y) - (x > y);
}

/* Where the step's time goes, by kind of kernel. */
static void print_profile(const Bench *b, lrt_instance *x, const lrt_stage *s) {
    uint32_t first = s->prompt.n_steps + s->time.n_steps, n = first + s->step.n_steps;
    double *seconds = xcalloc(n + 1, sizeof *seconds);
    Share *shares = xcalloc(n + 1, sizeof *shares);
    int k = 0;
    lrt_set_timing(x, seconds);
    lrt_run_step(x, 0);
    lrt_set_timing(x, NULL);
    for (uint32_t i = 0; i < s->step.n_steps; i++) {
        const lrt_step *t = &s->step.steps[i];
        int j = 0;
        while (j < k && strcmp(shares[j].kind, t->kind)) j++;
        if (j == k) shares[k++] = (Share){.kind = t->kind};
        shares[j].seconds += seconds[first + i];
        shares[j].flops += t->flops;
        shares[j].n++;
    }
    qsort(shares, (size_t)k, sizeof *shares, by_seconds);
    for (int i = 0; i < k; i++)
        fprintf(stderr, "    %8.1f ms %4d x %-44s %5.1f %% of peak\n", shares[i].seconds * 1e3, shares[i].n, shares[i].kind,
                100 * shares[i].flops / shares[i].seconds / b->peak);
    free(seconds);
    free(shares);
}

/* One stage, one setting. guided: both halves, then guidance and a ddim update of the latent. */
static Result measure(const Bench *b, const Item *item, unsigned fuse) {
    bool batched = item->guided && (fuse & FUSE_GUIDANCE);
    Graph *g = pipeline_graph(item->model, batched ? 2 : 1);
    const char *spec = pipeline_weights(b->l, item->model, flags_for_model(&b->f->weights, g->name));
    WeightSource *w = weights_open(spec ? spec : "synthetic:1", g->name);
    Program *p = program_new(target_find(b->f->target), fuse, conv_parse(b->f->conv), dtype_parse(b->f->dtype));
    program_add(p, g);
    Engine *e = engine_new(p, &w);
    const lrt_stage *s = engine_program(e)->stages[0];
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(s, engine_weights(e, 0), b->threads, &failed);
    if (!x) err("%s", failed);
    void *buffers[16] = {0};
    set_buffers(x, g, buffers);
    Result r = {.gflop = plan_flops(&s->step) * (item->guided && !batched ? 2 : 1) / 1e9,
                .peak_bytes = (int64_t)(s->weights_bytes + s->arena_bytes + s->prompt_bytes + s->scratch_bytes * (uint64_t)b->threads)};
    double *runs = xcalloc((size_t)b->f->repeat + 1, sizeof *runs), start = lrt_now();
    lrt_run_all(x); /* warm-up, and the prepared values */
    start = lrt_now();
    lrt_run_all(x);
    r.prepare = lrt_now() - start;
    const Tensor *out = tensor(g, g->outputs[0]);
    int64_t half = shape_count(&out->shape) / (batched ? 2 : 1);
    float *latent = xcalloc((size_t)half, 4), *noise = buffers[g->n_inputs];
    int64_t n = 0;
    if (b->f->serve) bench_serve_ready();
    for (; n < b->f->repeat && (!b->f->serve || bench_serve_wait()); n++) {
        start = lrt_now();
        lrt_run_step(x, 0);
        if (item->guided && !batched) lrt_run_step(x, 0);
        for (int64_t k = 0; item->guided && k < half; k++) {
            float u = noise[k], c = noise[batched ? half + k : k], eps = u + 7.5f * (c - u);
            latent[k] = 0.99f * latent[k] - 0.1f * eps;
        }
        runs[n] = lrt_now() - start;
        if (b->f->serve) bench_serve_answer(runs[n]);
    }
    if (!n) err("bench --serve: standard input ended before the first line");
    qsort(runs, (size_t)n, sizeof *runs, by_value);
    r.min = runs[0];
    r.median = (runs[(n - 1) / 2] + runs[n / 2]) / 2;
    r.prepare = r.prepare > r.median ? r.prepare - r.median : 0;
    r.share = r.gflop * 1e9 / r.median / b->peak;
    if (b->f->profile) print_profile(b, x, s);
    free(runs);
    free(latent);
    for (int i = 0; i < 16; i++) free(buffers[i]);
    lrt_instance_free(x);
    engine_free(e);
    weights_close(w);
    graph_free(g);
    return r;
}

static void print_json(const Bench *b, const Item *items, int n, FILE *f) {
    fprintf(f, "{\"machine\": {\"target\": \"%s\", \"threads\": %d, \"peak_gflops\": %.1f}, \"stages\": {", target_find(b->f->target)->name, b->threads,
            b->peak / 1e9);
    const char *comma = "";
    for (int i = 0; i < n; i++) {
        if (!items[i].measured) continue;
        fprintf(f, "%s\n  \"%s\": {", comma, items[i].name);
        comma = ",";
        for (int k = 0; k < (b->f->fused_only ? 1 : 2); k++) {
            const Result *r = &items[i].result[k];
            fprintf(f, "%s\"%s\": {\"min\": %.6f, \"median\": %.6f, \"prepare\": %.6f, \"gflop_written\": %.3f, \"share_of_peak\": %.4f, \"peak_bytes\": %lld}",
                    k ? ", " : "", k ? "unfused" : "fused", r->min, r->median, r->prepare, r->gflop, r->share, (long long)r->peak_bytes);
        }
        fputs("}", f);
    }
    fputs("\n}}\n", f);
}

static void measure_item(const Bench *b, Item *item) {
    for (int k = 0; k < (b->f->fused_only ? 1 : 2); k++) {
        item->result[k] = measure(b, item, k ? FUSE_NONE : FUSE_ALL);
        const Result *r = &item->result[k];
        fprintf(stderr, "%-14s %-8s %9.1f ms (best %.1f), prepare %.1f ms, %.1f GFLOP as written, %.1f %% of peak, %.0f MB\n", item->name,
                k ? "unfused" : "fused", r->median * 1e3, r->min * 1e3, r->prepare * 1e3, r->gflop, r->share * 100, (double)r->peak_bytes / 1e6);
    }
    item->measured = true;
}

static bool wanted(const char *list, const char *name) {
    if (!list) return true;
    size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncmp(p, name, n) == 0) return true;
    return false;
}

int cmd_bench(int argc, char **argv) {
    BenchFlags f = {.target = "host", .conv = "auto", .dtype = "f32", .repeat = 3};
    const char *path;
    const Flag flags[] = {
        {"stage", 0, FLAG_STRING, &f.stages, "NAME,...", "text_encoder, guided_step, decoder, image_encoder; default all", 0, 0},
        {"repeat", 0, FLAG_INT, &f.repeat, "N", "timed runs after a warm-up; default 3", 1, 1000},
        {"json", 0, FLAG_STRING, &f.json, "FILE", "write the results there instead of to standard output", 0, 0},
        {"weights", 0, FLAG_LIST, &f.weights, "[MODEL=]SPEC", "default: what the pipeline names, else synthetic:1", 0, 0},
        {"set", 0, FLAG_LIST, &f.sets, "NAME=VALUE", "a parameter, e.g. img_height=256", 0, 0},
        CONV_FLAG(&f.conv),
        DTYPE_FLAG(&f.dtype),
        {"target", 0, FLAG_STRING, &f.target, "NAME", "CPU to compile for; default host", 0, 0},
        {"threads", 't', FLAG_INT, &f.threads, "N", "default one per physical core", 1, 4096},
        {"fused-only", 0, FLAG_BOOL, &f.fused_only, NULL, "leave the unfused baseline out", 0, 0},
        {"profile", 0, FLAG_BOOL, &f.profile, NULL, "where each stage's time goes, by kind of kernel", 0, 0},
        {"serve", 0, FLAG_BOOL, &f.serve, NULL, "one stage, fused; every line on standard input asks for a run, answered by \"run SECONDS\"", 0, 0},
    };
    const Command command = {"latentc bench PIPELINE.json [flags]",
                             "Times every stage, fused and unfused, as a share of the peak of this machine's multiply-add units, measured first.",
                             flags, sizeof flags / sizeof flags[0], 1, 1, &path};
    flags_parse(&command, argc, argv);
    if (f.serve && (!f.json || !f.stages || strchr(f.stages, ','))) usage_err("bench --serve: needs --json FILE and --stage with one name");
    f.fused_only |= f.serve;
    ParamSet *sets;
    int n_sets = flags_sets(&f.sets, &sets);
    Bench b = {.f = &f, .l = pipeline_load(path, sets, n_sets), .threads = f.threads ? (int)f.threads : lrt_default_threads()};
    const Target *target = target_find(f.target);
    bool dot = dtype_parse(f.dtype) && target->bf16_dot;
    b.peak = measure_peak(target, dot, b.threads);
    fprintf(stderr, "peak of %s: %.1f GFLOP/s on %d threads\n", dot ? "bf16 dot products (vdpbf16ps)" : "f32 multiply-adds", b.peak / 1e9, b.threads);
    Item items[] = {{.name = "text_encoder", .model = &b.l->text_encoder}, {.name = "guided_step", .model = &b.l->diffusion_model, .guided = true},
                    {.name = "decoder", .model = &b.l->decoder}, {.name = "image_encoder", .model = &b.l->image_encoder}};
    int n = sizeof items / sizeof items[0];
    for (int i = 0; i < n; i++)
        if (items[i].model->graph && wanted(f.stages, items[i].name)) measure_item(&b, &items[i]);
    FILE *out = f.json ? NULL : stdout;
    OutFile *file = f.json ? outfile_open(f.json) : NULL;
    print_json(&b, items, n, file ? outfile_stream(file) : out);
    if (file) outfile_commit(file, 0644);
    return EXIT_OK;
}
