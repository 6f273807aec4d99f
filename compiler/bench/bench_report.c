/* What was measured, as JSON (docs/bench.md says what every field means) and as lines of text. */
#include "bench.h"
#include "program_text.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* ---- JSON ---- */

static void text_field(Buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\": ", name);
    buf_quoted(out, value);
}

static const char *unit_of(const Bench *b, Products of, double flops)
{
    return flops > 0 ? machine_unit(&b->machine, of)->name : "none";
}
static double rate_share(const Bench *b, Products of, double flops, double seconds)
{
    return seconds > 0 ? flops / seconds / machine_unit(&b->machine, of)->all : 0;
}

static void json_machine(const Bench *b, Buf *out)
{
    const Machine *m = &b->machine;
    const Unit *products = machine_unit(m, dtype_products(b->code.dtype));
    buf_printf(out, "\"machine\": {");
    text_field(out, "cpu", m->cpu);
    buf_printf(out, ", ");
    text_field(out, "target", m->target->name);
    buf_printf(out, ", \"threads\": %d, \"unit\": \"%s\", \"peak_gflops\": %.1f,\n  \"units\": [",
               m->threads, products->name, products->all / 1e9);
    for (int i = 0; i < m->n_units; i++)
        buf_printf(out, "%s{\"name\": \"%s\", \"gflops_one\": %.1f, \"gflops\": %.1f}",
                   i ? ", " : "", m->units[i].name, m->units[i].one / 1e9, m->units[i].all / 1e9);
    buf_printf(out, "],\n  \"reads\": [");
    for (int i = 0; i < m->n_reads; i++)
        buf_printf(out,
                   "%s{\"level\": \"%s\", \"bytes_each\": %lld, \"gbs_one\": %.2f, \"gbs\": %.2f}",
                   i ? ", " : "", m->reads[i].level, (long long)m->reads[i].each,
                   m->reads[i].one / 1e9, m->reads[i].all / 1e9);
    buf_printf(out, "]}");
}

static void json_settings(const Bench *b, Buf *out)
{
    buf_printf(out, ",\n\"settings\": {");
    text_field(out, "pipeline", b->pipeline->name);
    if (b->pipeline->img_height) /* a graph alone has no size of pictures */
        buf_printf(out, ", \"img_height\": %d, \"img_width\": %d", b->pipeline->img_height,
                   b->pipeline->img_width);
    buf_printf(out, ", \"batch\": %lld, \"repeat\": %lld, ", (long long)b->batch,
               (long long)b->repeat);
    text_field(out, "conv", b->code.conv);
    buf_printf(out, ", ");
    text_field(out, "dtype", b->code.dtype);
    buf_printf(out, "}");
}

static void json_timing(const Timing *t, Buf *out)
{
    Buf fuse = {0};
    fuse_print(t->set.fuse, &fuse);
    buf_printf(out, "{\"min\": %.6f, \"median\": %.6f, \"runs\": [", t->min, t->median);
    for (int i = 0; i < t->n_runs; i++)
        buf_printf(out, "%s%.6f", i ? ", " : "", t->runs[i]);
    buf_printf(
        out,
        "], \"prepare\": %.6f, \"gflop_written\": %.3f, \"gflop_done\": %.3f, \"share_of_peak\": %.4f, \"share_of_peak_done\": %.4f, ",
        t->prepare, t->flops / 1e9, t->done / 1e9, t->share, t->share_done);
    buf_printf(
        out,
        "\"bytes\": %.0f, \"bound\": %.6f, \"share_of_bound\": %.4f, \"peak_bytes\": %lld, \"fuse\": \"%s\", \"conv\": \"%s\", \"dtype\": \"%s\"",
        t->bytes, t->bound, t->bound / t->median, (long long)t->peak_bytes, fuse.data,
        conv_names[t->set.conv], t->set.bf16 ? "bf16" : "f32");
    if (t->short_median > 0)
        buf_printf(out,
                   ", \"short_step\": {\"min\": %.6f, \"median\": %.6f, \"gflop_written\": %.3f}",
                   t->short_min, t->short_median, t->short_flops / 1e9);
    buf_printf(out, "}");
    buf_free(&fuse);
}

static void json_region(const Bench *b, const Region *r, bool unfused, Buf *out)
{
    buf_printf(out, "{");
    text_field(out, "path", r->path);
    buf_printf(out, ", ");
    text_field(out, "kind", r->kind);
    buf_printf(
        out,
        ", \"class\": \"%s\", \"algorithm\": \"%s\", \"unit\": \"%s\", \"plan\": \"%s\", \"steps\": %d, \"seconds\": %.9f, ",
        class_names[class_of(r->kind)], r->form, unit_of(b, r->products, r->flops),
        plan_names[r->plan], r->steps, r->seconds);
    if (unfused)
        buf_printf(out, "\"unfused_seconds\": %.9f, ", r->unfused);
    buf_printf(
        out,
        "\"gflop_written\": %.6f, \"gflop_done\": %.6f, \"bytes\": %.0f, \"weight_bytes\": %.0f, ",
        r->flops / 1e9, r->done / 1e9, r->bytes, r->weight_bytes);
    buf_printf(
        out,
        "\"share_of_peak\": %.4f, \"share_of_peak_done\": %.4f, \"bound\": %.9f, \"bound_by\": \"%s\", \"share_of_bound\": %.4f}",
        rate_share(b, r->products, r->flops, r->seconds),
        rate_share(b, r->products, r->done, r->seconds), r->bound, r->memory ? "memory" : "compute",
        r->seconds > 0 ? r->bound / r->seconds : 0);
}

static void json_stage(const Bench *b, const Item *item, Buf *out)
{
    const Timing *t = &item->fused;
    buf_printf(out, "\n  \"%s\": {\n    \"fused\": ", item->name);
    json_timing(t, out);
    if (item->unfused.n_runs) {
        buf_printf(out, ",\n    \"unfused\": ");
        json_timing(&item->unfused, out);
    }
    double sum = 0;
    for (int i = 0; i < t->n_regions; i++)
        sum += in_step(&t->regions[i]) ? t->regions[i].seconds : 0;
    buf_printf(out, ",\n    \"run\": %.6f, \"regions_seconds\": %.6f,\n    \"regions\": [", t->run,
               sum);
    for (int i = 0; i < t->n_regions; i++) {
        buf_printf(out, "%s\n      ", i ? "," : "");
        json_region(b, &t->regions[i], item->unfused.n_runs > 0, out);
    }
    buf_printf(out, "]");
    if (item->n_ladder)
        buf_printf(out, ",\n    \"ladder\": [");
    for (int i = 0; i < item->n_ladder; i++) {
        buf_printf(out, "%s\n      {\"name\": \"%s\", \"timing\": ", i ? "," : "",
                   item->ladder[i].set.name);
        json_timing(&item->ladder[i], out);
        buf_printf(out, "}");
    }
    buf_printf(out, "%s}", item->n_ladder ? "]" : "");
}

static void json_notices(const Bench *b, Buf *out)
{
    buf_printf(out, ",\n\"notices\": [");
    for (int i = 0; i < b->n_notices; i++) {
        buf_printf(out, i ? ", " : "");
        buf_quoted(out, b->notices[i]);
    }
    buf_printf(out, "]");
}

static void json_kernels(const Bench *b, Buf *out)
{
    buf_printf(out, ",\n\"kernels\": [");
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        buf_printf(out, "%s\n  {", i ? "," : "");
        text_field(out, "model", k->model);
        buf_printf(out, ", ");
        text_field(out, "path", k->path);
        buf_printf(out, ", ");
        text_field(out, "kind", k->kind);
        buf_printf(out, ", \"algorithm\": \"%s\", \"unit\": \"%s\", ", k->form,
                   unit_of(b, k->products, k->flops));
        text_field(out, "shape", k->shape);
        buf_printf(
            out,
            ", \"uses\": %d, \"seconds\": %.9f, \"best\": %.9f, \"gflop_written\": %.6f, \"gflop_done\": %.6f, \"bytes\": %.0f, \"gflops\": %.1f, ",
            k->uses, k->seconds, k->best, k->flops / 1e9, k->done / 1e9, k->bytes,
            k->flops / k->seconds / 1e9);
        buf_printf(
            out,
            "\"share_of_peak\": %.4f, \"share_of_peak_done\": %.4f, \"bound\": %.9f, \"bound_by\": \"%s\", \"share_of_bound\": %.4f}",
            rate_share(b, k->products, k->flops, k->seconds),
            rate_share(b, k->products, k->done, k->seconds), k->bound,
            k->memory ? "memory" : "compute", k->bound / k->seconds);
    }
    buf_printf(out, "]");
}

void report_json(const Bench *b, Buf *out)
{
    buf_printf(out, "{");
    json_machine(b, out);
    json_settings(b, out);
    buf_printf(out, ",\n\"stages\": {");
    const char *comma = "";
    for (int i = 0; i < MODEL_COUNT; i++) {
        if (!b->items[i].measured)
            continue;
        buf_printf(out, "%s", comma);
        json_stage(b, &b->items[i], out);
        comma = ",";
    }
    buf_printf(out, "}");
    json_notices(b, out);
    if (b->n_kernels)
        json_kernels(b, out);
    buf_printf(out, "\n}\n");
}

/* ---- text ---- */

void report_stage(const Item *item, const Timing *t)
{
    fprintf(
        stderr,
        "%-14s %-13s %9.1f ms (best %.1f), prepare %.1f ms, %.1f GFLOP as written, %.1f done, %.1f %% of peak, %.0f %% of the bound, %.0f MB\n",
        item->name, t->set.name, t->median * 1e3, t->min * 1e3, t->prepare * 1e3, t->flops / 1e9,
        t->done / 1e9, t->share * 100, 100 * t->bound / t->median, (double)t->peak_bytes / 1e6);
    if (t->short_median > 0)
        fprintf(
            stderr,
            "%-14s %-13s %9.1f ms (best %.1f), %.1f GFLOP as written: %.1f %% of the full step's time for %.1f %% of its GFLOP\n",
            item->name, "short step", t->short_median * 1e3, t->short_min * 1e3,
            t->short_flops / 1e9, 100 * t->short_median / t->median,
            100 * t->short_flops / t->flops);
}

typedef struct {
    const char *kind;
    double seconds, flops, done, bound;
    Products products;
    int n;
} Kind;
static int by_seconds(const void *a, const void *b)
{
    double x = ((const Kind *)a)->seconds, y = ((const Kind *)b)->seconds;
    return (x < y) - (x > y);
}

/* The step's time by kind of kernel. */
void report_kinds(const Bench *b, const Timing *t)
{
    Kind *kinds = xcalloc((size_t)t->n_regions + 1, sizeof *kinds);
    int n = 0;
    for (int i = 0; i < t->n_regions; i++) {
        const Region *r = &t->regions[i];
        if (!in_step(r))
            continue;
        int j = 0;
        while (j < n && strcmp(kinds[j].kind, r->kind))
            j++;
        if (j == n)
            kinds[n++] = (Kind){.kind = r->kind, .products = r->products};
        kinds[j].seconds += r->seconds;
        kinds[j].flops += r->flops;
        kinds[j].done += r->done;
        kinds[j].bound += r->bound;
        kinds[j].n++;
    }
    qsort(kinds, (size_t)n, sizeof *kinds, by_seconds);
    for (int i = 0; i < n; i++) {
        const Kind *k = &kinds[i];
        fprintf(
            stderr,
            "    %8.1f ms %4d x %-44s %5.1f %% of peak as written, %5.1f done, %5.1f %% of the bound\n",
            k->seconds * 1e3, k->n, k->kind, 100 * rate_share(b, k->products, k->flops, k->seconds),
            100 * rate_share(b, k->products, k->done, k->seconds),
            k->seconds > 0 ? 100 * k->bound / k->seconds : 0);
    }
    free(kinds);
}

void report_kernels(const Bench *b)
{
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        fprintf(
            stderr,
            "%9.3f ms (best %.3f) x%-3d %8.1f GFLOP/s %5.1f %% of peak as written, %5.1f done, %5.1f %% of the bound  %-36s %s\n",
            k->seconds * 1e3, k->best * 1e3, k->uses, k->flops / k->seconds / 1e9,
            100 * rate_share(b, k->products, k->flops, k->seconds),
            100 * rate_share(b, k->products, k->done, k->seconds), 100 * k->bound / k->seconds,
            k->kind, k->shape);
    }
}
