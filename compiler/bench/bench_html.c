/* What was measured as one page: tables and plots, no other file, no network. Well-formed XML too,
 * so that tests can read it. */
#include "bench.h"
#include "program_text.h"
#include "bench_trust.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

static const char style[] =
    ":root{color-scheme:light dark;--page:#fbfbfa;--ink:#1b1b1a;--soft:#5c5c58;--line:#d9d9d4;--idle:#e8e8e4;--on:#fff;--roof:#1b1b1a;"
    "--k0:#2563c4;--k1:#0f7d5c;--k2:#a85a00;--k3:#7a49c0;--k4:#66707a;--k5:#b9b9b2}\n"
    "@media (prefers-color-scheme:dark){:root{--page:#16171a;--ink:#ececea;--soft:#a5a5a0;--line:#3a3b40;--idle:#26272b;--on:#111;--roof:#ececea;"
    "--k0:#7aa7f0;--k1:#4fc79e;--k2:#efa652;--k3:#bf9bf2;--k4:#a3adb8;--k5:#55565c}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;background:var(--page);color:var(--ink);max-width:1240px;margin:0 auto;padding:20px 16px 60px}\n"
    "h1{font-size:24px;margin:0 0 4px}h2{font-size:20px;margin:44px 0 8px;border-top:1px solid var(--line);padding-top:20px}h3{font-size:16px;margin:26px 0 4px}\n"
    "p{margin:4px 0 10px;color:var(--soft);max-width:75ch}\n"
    ".notices{border-left:4px solid var(--k2);padding:2px 14px;margin:14px 0}.notices p{color:var(--ink)}.notices ul{margin:4px 0;padding-left:18px}.odd{color:var(--k2)}\n"
    ".wide{overflow-x:auto}.tall{max-height:70vh;overflow:auto;border:1px solid var(--line)}.side{display:flex;flex-wrap:wrap;gap:12px 48px;align-items:flex-start}\n"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:right;padding:3px 9px;border-bottom:1px solid var(--line)}td{white-space:nowrap}th.t,td.t{text-align:left}\n"
    ".tall table{font-size:12px}.tall th,.tall td{padding:3px 5px}.tall td.t{white-space:normal}.tall td:first-child{min-width:110px;overflow-wrap:anywhere}.tall td:nth-child(2){min-width:120px}\n"
    "th{font-weight:600;vertical-align:bottom}\n"
    ".tall th{position:sticky;top:0;background:var(--page);box-shadow:inset 0 -1px var(--line)}.sort th{cursor:pointer}\n"
    ".tall td:first-child{position:sticky;left:0;background:var(--page)}.tall th:first-child{left:0;z-index:1}\n"
    ".sort th[aria-sort=ascending]::after{content:\" \\2191\"}.sort th[aria-sort=descending]::after{content:\" \\2193\"}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px;margin:4px 0 8px}.legend i{display:inline-block;width:11px;height:11px;margin-right:6px}\n"
    ".sample{width:30px;height:12px;margin-right:6px}\n"
    ".plot{margin:14px 6px 52px 56px}.plot svg{display:block;width:100%;overflow:visible}\n"
    "svg text{font:12px system-ui,sans-serif;fill:var(--ink);paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}\n"
    "svg .tick,svg .axis{fill:var(--soft)}svg .note{font-size:11px}\n"
    ".grid{stroke:var(--line)}.roof{stroke:var(--roof);stroke-width:1.4}.r0{stroke-dasharray:1.5 3.5}.r1{stroke-dasharray:7 4}\n"
    ".idle{fill:var(--idle)}.point{fill-opacity:.72;stroke:var(--page);stroke-width:.6}\n"
    ".row{display:grid;grid-template-columns:110px 1fr max-content;gap:2px 10px;align-items:center;margin:8px 0;font-size:13px}.name{text-align:right}\n"
    ".ladder .row{grid-template-columns:110px 1fr 190px}.track{display:flex;height:26px;line-height:26px}\n"
    ".track i{overflow:hidden;white-space:nowrap;font-style:normal;text-align:center;color:var(--on)}\n"
    ".k0{fill:var(--k0);background:var(--k0)}.k1{fill:var(--k1);background:var(--k1)}.k2{fill:var(--k2);background:var(--k2)}\n"
    ".k3{fill:var(--k3);background:var(--k3)}.k4{fill:var(--k4);background:var(--k4)}.k5{fill:var(--k5);background:var(--k5)}\n"
    "@media(max-width:640px){.row,.ladder .row{grid-template-columns:1fr max-content}.name{text-align:left}.track{grid-column:1/-1;order:1}\n"
    /* a row of a long table becomes a paragraph: every number behind its column's name */
    ".tall{max-height:none;overflow:visible;border:0}.tall table,.tall thead,.tall tbody,.tall tr{display:block}\n"
    ".tall thead tr{display:flex;flex-wrap:wrap;gap:2px 12px}.tall th{display:block;position:static;padding:4px 0;box-shadow:none}\n"
    ".tall tr{border-bottom:1px solid var(--line);padding:6px 0}.tall td{display:inline-block;border:0;padding:0 12px 0 0}\n"
    ".tall td:first-child{display:block;position:static;font-weight:600}.tall td:empty{display:none}\n"
    ".tall td::before{color:var(--soft)}}\n";

/* A click on a column's head sorts by it; numbers first from the largest. */
static const char script[] =
    "for (const table of document.querySelectorAll('table.sort'))\n"
    "  table.tHead.rows[0].querySelectorAll('th').forEach((head, i) => {\n"
    "    head.tabIndex = 0;\n"
    "    const sort = () => {\n"
    "      const number = !head.classList.contains('t'), body = table.tBodies[0], rows = [...body.rows];\n"
    "      const down = head.ariaSort ? head.ariaSort === 'ascending' : number;\n"
    "      const key = row => number ? parseFloat(row.cells[i].textContent) || 0 : row.cells[i].textContent;\n"
    "      rows.sort((a, b) => (down ? -1 : 1) * (number ? key(a) - key(b) : key(a).localeCompare(key(b))));\n"
    "      for (const other of table.tHead.rows[0].cells) other.ariaSort = null;\n"
    "      head.ariaSort = down ? 'descending' : 'ascending';\n"
    "      body.append(...rows);\n"
    "    };\n"
    "    head.onclick = sort;\n"
    "    head.onkeydown = e => { if (e.key === 'Enter') sort(); };\n"
    "  });\n";

/* ---- tables ---- */

/* names: separated by "|"; one that begins with "=" is a column of text. */
static void head_row(Buf *out, const char *names)
{
    buf_printf(out, "<thead><tr>");
    for (const char *p = names; *p; p += strcspn(p, "|"), p += *p == '|') {
        bool text = *p == '=';
        int n = (int)strcspn(p, "|");
        buf_printf(out, "<th%s>%.*s</th>", text ? " class=\"t\"" : "", n - text, p + text);
    }
    buf_printf(out, "</tr></thead>\n<tbody>\n");
}
/* Opens a long table, which sorts by a click on a column's head. name: a class of its own. On a
 * narrow screen, where its rows are paragraphs, the names of columns stand in front of numbers. */
static void long_table(Buf *out, const char *name, const char *names)
{
    int column = 1;
    buf_printf(out, "<style>@media(max-width:640px){");
    for (const char *p = names; *p; p += strcspn(p, "|"), p += *p == '|', column++) {
        int n = (int)strcspn(p, "|"), text = *p == '=';
        if (column > 1)
            buf_printf(out, ".%s td:nth-child(%d)::before{content:\"%.*s \"}", name, column,
                       n - text, p + text);
    }
    buf_printf(out, "}</style>\n<div class=\"tall\"><table class=\"sort %s\">\n", name);
    head_row(out, names);
}
static void text_cell(Buf *out, const char *s)
{
    buf_printf(out, "<td class=\"t\">");
    xml_text(out, s);
    buf_printf(out, "</td>");
}
/* A path may break after its dots. */
static void path_cell(Buf *out, const char *path)
{
    buf_printf(out, "<td class=\"t\">");
    for (const char *p = path; *p;) {
        char part[128];
        size_t n = strcspn(p, ".");
        n += p[n] == '.';
        snprintf(part, sizeof part, "%.*s", (int)n, p);
        xml_text(out, part);
        p += n;
        if (*p)
            buf_printf(out, "<wbr/>");
    }
    buf_printf(out, "</td>");
}
static void number_cell(Buf *out, int digits, double x)
{
    buf_printf(out, "<td>%.*f</td>", digits, x);
}
static void share_cell(Buf *out, double part, double whole)
{
    if (whole > 0)
        buf_printf(out, "<td>%.1f %%</td>", 100 * part / whole);
    else
        buf_printf(out, "<td></td>");
}

/* A share that cannot be above 100 %: where it is, it says only that. */
static void bounded_cell(Buf *out, double part, double whole)
{
    if (whole > 0 && part > 1.005 * whole)
        buf_printf(out, "<td class=\"odd\">above 100 %%</td>");
    else
        share_cell(out, part, whole);
}

/* What speaks against the results, in front of them. */
static void notices(const Bench *b, Buf *out)
{
    if (!b->n_notices)
        return;
    buf_printf(
        out,
        "<div class=\"notices\"><p>Not alone? Something else seems to have run on this machine, or its clock changed. Do not trust the numbers that these lines name.</p>\n<ul>\n");
    for (int i = 0; i < b->n_notices; i++) {
        buf_printf(out, "<li>");
        xml_text(out, b->notices[i]);
        buf_printf(out, "</li>\n");
    }
    buf_printf(out, "</ul></div>\n");
}

static void legend(Buf *out, bool between)
{
    buf_printf(out, "<div class=\"legend\">");
    for (int k = 0; k < CLASS_COUNT; k++)
        buf_printf(out, "<span><i class=\"k%d\"></i>%s</span>", k, class_names[k]);
    if (between)
        buf_printf(out, "<span><i class=\"k5\"></i>between: sampler, threads starting</span>");
    buf_printf(out, "</div>\n");
}

static void machine_tables(const Machine *m, Buf *out)
{
    buf_printf(out, "<h3>The machine, measured in this run</h3>\n<div class=\"side\"><table>\n");
    head_row(out, "=arithmetic from registers|one thread, GFLOP/s|all threads, GFLOP/s");
    for (int i = 0; i < m->n_units; i++) {
        buf_printf(out, "<tr>");
        text_cell(out, m->units[i].text);
        number_cell(out, 1, m->units[i].one / 1e9);
        number_cell(out, 1, m->units[i].all / 1e9);
        buf_printf(out, "</tr>\n");
    }
    buf_printf(out, "</tbody></table>\n<table>\n");
    head_row(out, "=reading|bytes a thread|one thread, GB/s|all threads, GB/s");
    for (int i = 0; i < m->n_reads; i++) {
        buf_printf(out, "<tr>");
        text_cell(out, m->reads[i].level);
        buf_printf(out, "<td>%lld</td>", (long long)m->reads[i].each);
        number_cell(out, 1, m->reads[i].one / 1e9);
        number_cell(out, 1, m->reads[i].all / 1e9);
        buf_printf(out, "</tr>\n");
    }
    buf_printf(out, "</tbody></table></div>\n");
}

/* A row of the stage's table: of the fused run and, where there is one, the unfused. */
static void timing_row(Buf *out, bool two, const char *name, int digits, double fused,
                       double unfused)
{
    buf_printf(out, "<tr>");
    text_cell(out, name);
    number_cell(out, digits, fused);
    if (two)
        number_cell(out, digits, unfused);
    buf_printf(out, "</tr>\n");
}

static void timing_table(const Item *item, Buf *out)
{
    const Timing *t = &item->fused, *u = &item->unfused;
    bool two = u->n_runs > 0;
    buf_printf(out, "<div class=\"wide\"><table>\n");
    head_row(out, two ? "=|fused|unfused" : "=|fused");
    timing_row(out, two, "median, ms", 2, t->median * 1e3, u->median * 1e3);
    timing_row(out, two, "best, ms", 2, t->min * 1e3, u->min * 1e3);
    if (t->prepare > 0)
        timing_row(out, two, "prepared before the loop, ms", 2, t->prepare * 1e3, u->prepare * 1e3);
    timing_row(out, two, "as written, GFLOP", 2, t->flops / 1e9, u->flops / 1e9);
    timing_row(out, two, "done, GFLOP", 2, t->done / 1e9, u->done / 1e9);
    timing_row(out, two, "of the peak, as written, %", 1, t->share * 100, u->share * 100);
    timing_row(out, two, "of the peak, done, %", 1, t->share_done * 100, u->share_done * 100);
    timing_row(out, two, "roofline: at least, ms", 2, t->bound * 1e3, u->bound * 1e3);
    timing_row(out, two, "of the roofline, %", 1, 100 * t->bound / t->median,
               two ? 100 * u->bound / u->median : 0);
    timing_row(out, two, "read and written, MB", 1, t->bytes / 1e6, u->bytes / 1e6);
    timing_row(out, two, "memory needed, MB", 1, (double)t->peak_bytes / 1e6,
               (double)u->peak_bytes / 1e6);
    buf_printf(out, "</tbody></table></div>\n");
    double times = two ? times_as_fast(u->median, t->median) : 0;
    if (times > 0)
        buf_printf(out, "<p>Fused is %.2f times as fast as unfused.</p>\n", times);
    else if (two)
        buf_printf(out, "<p>The times of fused and unfused cannot be compared.</p>\n");
}

static void region_row(const Bench *b, const Timing *t, const Region *r, bool unfused, Buf *out)
{
    double peak = machine_unit(&b->machine, r->products)->all;
    buf_printf(out, "<tr>");
    path_cell(out, r->path);
    text_cell(out, r->kind);
    text_cell(out, r->form);
    text_cell(out, plan_names[r->plan]);
    number_cell(out, 3, r->seconds * 1e3);
    share_cell(out, r->seconds, in_step(r) ? t->run : 0);
    if (unfused) {
        double times = in_step(r) ? times_as_fast(r->unfused, r->seconds) : 0;
        number_cell(out, 3, r->unfused * 1e3);
        if (times > 0)
            number_cell(out, 2, times);
        else
            buf_printf(out, "<td></td>");
    }
    number_cell(out, 3, r->flops / 1e9);
    number_cell(out, 3, r->done / 1e9);
    number_cell(out, 2, r->bytes / 1e6);
    share_cell(out, r->flops, r->flops > 0 ? peak * r->seconds : 0);
    bounded_cell(out, r->done, r->done > 0 ? peak * r->seconds : 0);
    number_cell(out, 3, r->bound * 1e3);
    text_cell(out, r->memory ? "memory" : "arithmetic");
    bounded_cell(out, r->bound, r->seconds);
    buf_printf(out, "</tr>\n");
}

static int by_seconds(const void *a, const void *b)
{
    double x = ((const Region *)a)->seconds, y = ((const Region *)b)->seconds;
    return (x < y) - (x > y);
}

static void region_table(const Bench *b, const Item *item, Buf *out)
{
    const Timing *t = &item->fused;
    bool unfused = item->unfused.n_runs > 0;
    Region *sorted = xcalloc((size_t)t->n_regions + 1, sizeof *sorted);
    memcpy(sorted, t->regions, (size_t)t->n_regions * sizeof *sorted);
    qsort(sorted, (size_t)t->n_regions, sizeof *sorted, by_seconds);
    buf_printf(
        out,
        "<h3>Every fused operation</h3>\n<p>A click on a column's head sorts by it. Work that is done once a prompt or once for all timesteps is in the table but not in the step's time; its unfused time is that of one step.</p>\n");
    long_table(
        out, unfused ? "regions" : "fused",
        unfused
            ? "=operation|=kernel|=algorithm|=plan|ms|of the step|unfused, ms|times as fast|GFLOP written|done|MB|of peak, written|of peak, done|roofline, ms|=bound by|of the roofline"
            : "=operation|=kernel|=algorithm|=plan|ms|of the step|GFLOP written|done|MB|of peak, written|of peak, done|roofline, ms|=bound by|of the roofline");
    for (int i = 0; i < t->n_regions; i++)
        region_row(b, t, &sorted[i], unfused, out);
    buf_printf(out, "</tbody></table></div>\n");
    free(sorted);
}

static void kernel_table(const Bench *b, Buf *out)
{
    long_table(
        out, "kernels",
        "=kernel|=shape|=algorithm|=first use|uses|ms|all uses, ms|GFLOP/s|of peak, written|of peak, done|roofline, ms|=bound by|of the roofline");
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        double peak = machine_unit(&b->machine, k->products)->all;
        buf_printf(out, "<tr>");
        text_cell(out, k->kind);
        text_cell(out, k->shape);
        text_cell(out, k->form);
        text_cell(out, arena_printf(b->arena, "%s: %s", k->model, k->path));
        number_cell(out, 0, k->uses);
        number_cell(out, 3, k->seconds * 1e3);
        number_cell(out, 3, k->seconds * k->uses * 1e3);
        number_cell(out, 1, k->flops / k->seconds / 1e9);
        share_cell(out, k->flops, peak * k->seconds);
        bounded_cell(out, k->done, peak * k->seconds);
        number_cell(out, 3, k->bound * 1e3);
        text_cell(out, k->memory ? "memory" : "arithmetic");
        bounded_cell(out, k->bound, k->seconds);
        buf_printf(out, "</tr>\n");
    }
    buf_printf(out, "</tbody></table></div>\n");
}

/* ---- the page ---- */

static void stage_section(const Bench *b, const Item *item, Buf *out)
{
    buf_printf(out, "<section>\n<h2>%s</h2>\n", item->name);
    timing_table(item, out);
    buf_printf(out, "<h3>Where the time goes</h3>\n");
    legend(out, true);
    plot_shares(item, out);
    buf_printf(
        out,
        "<h3>Roofline</h3>\n<p>Every operation that multiplies; the larger, the more of the time it takes. On a line: as fast as that limit allows.</p>\n");
    legend(out, false);
    plot_roofline(b, &item->fused, out);
    if (item->n_ladder) {
        buf_printf(out, "<h3>What each pass contributes</h3>\n");
        plot_ladder(item, out);
    }
    if (item->fused.n_spans) {
        buf_printf(
            out,
            "<h3>One step on every thread</h3>\n<p>The number of the thread, and the share of the time in which it computes; gaps are waits at barriers.</p>\n");
        legend(out, false);
        plot_timeline(&item->fused, b->threads, out);
    }
    region_table(b, item, out);
    buf_printf(out, "</section>\n");
}

void report_html(const Bench *b, Buf *out)
{
    buf_printf(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>latentc bench: ");
    xml_text(out, b->pipeline->name);
    buf_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    xml_text(out, b->pipeline->name);
    if (b->pipeline->img_width)
        buf_printf(out, ", %d x %d", b->pipeline->img_width, b->pipeline->img_height);
    buf_printf(out, ", %s</h1>\n<p>", b->code.dtype);
    xml_text(out, b->machine.cpu);
    buf_printf(out, ", %d thread%s, code for %s; the median of %lld timed run%s</p>\n", b->threads,
               b->threads == 1 ? "" : "s", b->machine.target->name, (long long)b->repeat,
               b->repeat == 1 ? "" : "s");
    notices(b, out);
    machine_tables(&b->machine, out);
    for (int i = 0; i < MODEL_COUNT; i++)
        if (b->items[i].measured)
            stage_section(b, &b->items[i], out);
    if (b->n_kernels) {
        buf_printf(
            out, "<section>\n<h2>Every distinct convolution, product and attention, alone</h2>\n");
        legend(out, false);
        plot_kernels(b, out);
        kernel_table(b, out);
        buf_printf(out, "</section>\n");
    }
    buf_printf(out, "<script>\n%s</script>\n</body>\n</html>\n", script);
}
