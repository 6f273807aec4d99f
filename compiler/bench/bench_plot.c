/* The bench's pictures inside of the page: SVG, or rows of boxes. Colours are classes of the page's
 * style sheet: k0 .. k4 for the classes of kernels.
 *
 * Widths are percentages and heights pixels, so that pictures fill a page of any width while text
 * keeps its size. Labels of the axes are in the picture's margin. */
#include "bench.h"
#include "alloc.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* Width of a wide page in pixels. Boxes that are too thin to be seen there are merged. */
enum { NOMINAL = 1000 };

void xml_text(Buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '&')
            buf_printf(out, "&amp;");
        else if (*s == '<')
            buf_printf(out, "&lt;");
        else if (*s == '>')
            buf_printf(out, "&gt;");
        else if (*s == '"')
            buf_printf(out, "&quot;");
        else if ((unsigned char)*s >= ' ')
            buf_add(out, s, 1);
    }
}

static void svg_begin(Buf *out, const char *class, double height, const char *label)
{
    buf_printf(out, "<div class=\"plot %s\"><svg height=\"%.0f\" role=\"img\" aria-label=\"%s\">\n",
               class, height, label);
}
static void svg_end(Buf *out) { buf_printf(out, "</svg></div>\n"); }

/* x: percent, y: pixels, here and below */
static void line(Buf *out, const char *class, double x1, double y1, double x2, double y2)
{
    buf_printf(out, "<line class=\"%s\" x1=\"%.3f%%\" y1=\"%.1f\" x2=\"%.3f%%\" y2=\"%.1f\"/>\n",
               class, x1, y1, x2, y2);
}

/* The place of a label: dx pixels right of x, y; align: which end of the text is there ("start",
 * "middle", "end"). */
typedef struct {
    double x, dx, y;
    const char *align;
} LabelPlace;
static void label(Buf *out, LabelPlace at, const char *class, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void label(Buf *out, LabelPlace at, const char *class, const char *fmt, ...)
{
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(out, "<text x=\"%.3f%%\" dx=\"%.0f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">",
               at.x, at.dx, at.y, at.align, class);
    xml_text(out, text);
    buf_printf(out, "</text>\n");
}

/* ---- roofline ---- */

/* A region or a kernel: operations and bytes of one call, and how long it took. */
typedef struct {
    const char *name, *kind;
    double seconds, done, bytes, weight /* its share of all the time */;
} Point;

/* Logarithms to base ten: whole decades along x, the range of the data along y. */
enum { ROOF_HEIGHT = 380 };
typedef struct {
    int x_lo, x_hi;
    double y_lo, y_hi;
} Axes;
static double x_at(const Axes *a, double intensity)
{
    return 100 * (log10(intensity) - a->x_lo) / (a->x_hi - a->x_lo);
}
static double y_at(const Axes *a, double rate)
{
    return ROOF_HEIGHT * (1 - (log10(rate) - a->y_lo) / (a->y_hi - a->y_lo));
}
static double clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

/* Units that kernels run on: not the ones that are there for comparison. */
static bool in_use(const Machine *m, int unit)
{
    return unit == 0 || unit == m->unit_of[PRODUCTS_BF16];
}

static double highest_peak(const Machine *m)
{
    double peak = 0;
    for (int i = 0; i < m->n_units; i++)
        if (in_use(m, i) && m->units[i].all > peak)
            peak = m->units[i].all;
    return peak;
}

/* What holds the points and where the slowest bandwidth meets the highest peak. Rates below a
 * ten-thousandth of the peak lie on the edge. */
static Axes fit_axes(const Machine *m, const Point *p, int n)
{
    double peak = highest_peak(m), lo_x = 1, hi_x = peak / m->reads[m->n_reads - 1].all,
           lo_y = peak / 10;
    for (int i = 0; i < n; i++) {
        double x = p[i].done / p[i].bytes, y = p[i].done / p[i].seconds;
        if (x < lo_x)
            lo_x = x;
        if (x > hi_x)
            hi_x = x;
        if (y < lo_y)
            lo_y = y;
    }
    if (lo_y < peak * 1e-4)
        lo_y = peak * 1e-4;
    return (Axes){(int)floor(log10(lo_x)), (int)ceil(log10(hi_x * 1.5)), log10(lo_y / 1.5),
                  log10(peak * 1.5)};
}

/* 2e11: "200 G" */
static const char *short_number(double x, char *text, size_t size)
{
    static const char *const prefix[] = {"", " k", " M", " G", " T", " P"};
    int k = 0;
    for (; x >= 999.5 && k < 5; k++)
        x /= 1000;
    snprintf(text, size, "%.3g%s", x, prefix[k]);
    return text;
}

static void draw_grid(const Axes *a, Buf *out)
{
    char text[64];
    for (int d = a->x_lo; d <= a->x_hi; d++) {
        double x = x_at(a, pow(10, d));
        line(out, "grid", x, 0, x, ROOF_HEIGHT);
        label(out, (LabelPlace){x, 0, ROOF_HEIGHT + 18, d == a->x_hi ? "end" : "middle"}, "tick",
              "%.10g", pow(10, d));
    }
    for (int d = (int)floor(a->y_lo); d <= a->y_hi; d++)
        for (int k = 1; k <= 5; k += k == 1 ? 1 : 3) { /* 1, 2, 5 */
            double rate = k * pow(10, d), y = y_at(a, rate);
            if (y < 0 || y > ROOF_HEIGHT)
                continue;
            line(out, "grid", 0, y, 100, y);
            label(out, (LabelPlace){0, -6, y + 4, "end"}, "tick", "%s",
                  short_number(rate, text, sizeof text));
        }
    label(out, (LabelPlace){50, 0, ROOF_HEIGHT + 38, "middle"}, "axis",
          "FLOP done per byte read or written");
    label(out, (LabelPlace){0, 8, 16, "start"}, "axis", "FLOP/s done");
}

/* The slanted part of a roof, from where it enters the picture to the highest peak. */
static void draw_roofs(const Axes *a, const Machine *m, Buf *out)
{
    double peak = highest_peak(m), left = pow(10, a->x_lo);
    for (int i = 0; i < m->n_reads; i++) {
        double from = clamp(pow(10, a->y_lo) / m->reads[i].all, left, 1e30),
               to = peak / m->reads[i].all;
        char class[24];
        snprintf(class, sizeof class, "roof r%d", i);
        line(out, class, x_at(a, from), y_at(a, from * m->reads[i].all), x_at(a, to),
             y_at(a, peak));
    }
    for (int i = 0; i < m->n_units; i++) {
        if (!in_use(m, i))
            continue;
        double y = y_at(a, m->units[i].all);
        line(out, "roof", x_at(a, clamp(m->units[i].all / m->reads[0].all, left, 1e30)), y, 100, y);
        label(out, (LabelPlace){100, -4, y - 5, "end"}, "note", "%s %.4g GFLOP/s", m->units[i].text,
              m->units[i].all / 1e9);
    }
}

/* A legend: the lines may lie too close together for labels of their own. */
static void roofs_legend(const Machine *m, Buf *out)
{
    buf_printf(out, "<div class=\"legend\">");
    for (int i = 0; i < m->n_reads; i++)
        buf_printf(
            out,
            "<span><svg class=\"sample\"><line class=\"roof r%d\" x1=\"0\" y1=\"6\" x2=\"30\" y2=\"6\"/></svg>reading from %s, %.3g GB/s</span>",
            i, m->reads[i].level, m->reads[i].all / 1e9);
    buf_printf(out, "</div>\n");
}

static void draw_points(const Axes *a, const Point *p, int n, Buf *out)
{
    for (int i = 0; i < n; i++) {
        double x = x_at(a, p[i].done / p[i].bytes),
               y = clamp(y_at(a, p[i].done / p[i].seconds), 0, ROOF_HEIGHT),
               r = 2.5 + 16 * sqrt(p[i].weight);
        buf_printf(out, "<circle class=\"point k%d\" cx=\"%.2f%%\" cy=\"%.1f\" r=\"%.1f\"><title>",
                   class_of(p[i].kind), x, y, r);
        xml_text(out, p[i].name);
        buf_printf(out, ": ");
        xml_text(out, p[i].kind);
        buf_printf(out, ", %.3f ms, %.1f GFLOP/s done, %.3g FLOP per byte</title></circle>\n",
                   p[i].seconds * 1e3, p[i].done / p[i].seconds / 1e9, p[i].done / p[i].bytes);
    }
}

static void roofline(const Machine *m, const Point *p, int n, Buf *out)
{
    Axes a = fit_axes(m, p, n);
    roofs_legend(m, out);
    svg_begin(out, "roofline", ROOF_HEIGHT, "roofline");
    draw_grid(&a, out);
    draw_points(&a, p, n, out);
    draw_roofs(&a, m, out);
    svg_end(out);
}

void plot_roofline(const Bench *b, const Timing *t, Buf *out)
{
    Point *p = xcalloc((size_t)t->n_regions + 1, sizeof *p);
    int n = 0;
    for (int i = 0; i < t->n_regions; i++) {
        const Region *r = &t->regions[i];
        if (in_step(r) && r->done > 0 && r->seconds > 0)
            p[n++] = (Point){r->path, r->kind, r->seconds, r->done, r->bytes, r->seconds / t->run};
    }
    roofline(&b->machine, p, n, out);
    free(p);
}

void plot_kernels(const Bench *b, Buf *out)
{
    Point *p = xcalloc((size_t)b->n_kernels + 1, sizeof *p);
    double all = 0;
    for (int i = 0; i < b->n_kernels; i++)
        all += b->kernels[i].seconds * b->kernels[i].uses;
    int n = 0;
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        if (k->done > 0)
            p[n++] = (Point){k->shape, k->kind,  k->seconds,
                             k->done,  k->bytes, k->seconds * k->uses / all};
    }
    roofline(&b->machine, p, n, out);
    free(p);
}

/* ---- where the time goes ---- */

static void row_begin(Buf *out, const char *name)
{
    buf_printf(out, "<div class=\"row\"><span class=\"name\">");
    xml_text(out, name);
    buf_printf(out, "</span><span class=\"track\">");
}

static void stacked_bar(const Timing *t, double longest, Buf *out)
{
    double sums[CLASS_COUNT + 1] = {0};
    sums[CLASS_COUNT] = t->run;
    for (int i = 0; i < t->n_regions; i++)
        if (in_step(&t->regions[i])) {
            sums[class_of(t->regions[i].kind)] += t->regions[i].seconds;
            sums[CLASS_COUNT] -= t->regions[i].seconds;
        }
    row_begin(out, t->set.name);
    for (int k = 0; k <= CLASS_COUNT; k++) {
        double width = sums[k] > 0 ? 100 * sums[k] / longest : 0, share = 100 * sums[k] / t->run;
        buf_printf(out, "<i class=\"k%d\" style=\"width:%.3f%%\" title=\"%s: %.3f ms, %.1f %%\">",
                   k, width, k < CLASS_COUNT ? class_names[k] : "between", sums[k] * 1e3, share);
        if (width > 10)
            buf_printf(out, "%.0f %%", share);
        buf_printf(out, "</i>");
    }
    buf_printf(out, "</span><span>%.4g ms</span></div>\n", t->run * 1e3);
}

void plot_shares(const Item *item, Buf *out)
{
    bool two = item->unfused.n_runs > 0;
    double longest = two && item->unfused.run > item->fused.run ? item->unfused.run
                                                                : item->fused.run;
    buf_printf(out, "<div class=\"bars\">\n");
    stacked_bar(&item->fused, longest, out);
    if (two)
        stacked_bar(&item->unfused, longest, out);
    buf_printf(out, "</div>\n");
}

/* ---- the ladder ---- */

void plot_ladder(const Item *item, Buf *out)
{
    double longest = 0;
    for (int i = 0; i < item->n_ladder; i++)
        longest = item->ladder[i].median > longest ? item->ladder[i].median : longest;
    buf_printf(out, "<div class=\"bars ladder\">\n");
    for (int i = 0; i < item->n_ladder; i++) {
        const Timing *t = &item->ladder[i];
        row_begin(out, t->set.name);
        buf_printf(out, "<i class=\"k0\" style=\"width:%.3f%%\"></i></span><span>%.4g ms",
                   100 * t->median / longest, t->median * 1e3);
        if (i)
            buf_printf(out, ", %.2f times as fast", item->ladder[i - 1].median / t->median);
        buf_printf(out, "</span></div>\n");
    }
    buf_printf(out, "</div>\n");
}

/* ---- one step on every thread ---- */

/* 1, 2 or 5 times a power of ten, so that there are at most eight of them. */
static double tick_step(double whole)
{
    double step = pow(10, floor(log10(whole / 8)));
    static const double factors[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (whole / (step * factors[i]) <= 8)
            return step * factors[i];
    return whole;
}

/* One thread's spans; neighbours of one class with less than half a pixel between them are drawn
 * together. scale: percent a second. */
static void draw_thread(const Timing *t, uint32_t thread, double scale, double y, double height,
                        Buf *out)
{
    const double pixel = 100.0 / NOMINAL;
    double begin = 0, end = -1;
    int class = -1;
    for (size_t i = 0; i <= t->n_spans; i++) {
        const lrt_span *s = i < t->n_spans ? &t->spans[i] : NULL;
        if (s && s->thread != thread)
            continue;
        const Region *r = s ? &t->regions[t->region_of[s->step]] : NULL;
        int k = r ? class_of(r->kind) : -1;
        if (r && k == class && (s->end - end) * scale < pixel / 2) {
            end = s->end;
            continue;
        }
        if (end > begin)
            buf_printf(
                out,
                "<rect class=\"k%d\" x=\"%.3f%%\" y=\"%.1f\" width=\"%.3f%%\" height=\"%.0f\"/>\n",
                class, begin * scale, y, fmax((end - begin) * scale, pixel / 3), height);
        if (!r)
            break;
        begin = s->begin;
        end = s->end;
        class = k;
    }
}

void plot_timeline(const Timing *t, int threads, Buf *out)
{
    enum { ROW = 34, MOST = 32 };
    double whole = 0;
    int shown = threads < MOST ? threads : MOST;
    for (size_t i = 0; i < t->n_spans; i++)
        whole = t->spans[i].end > whole ? t->spans[i].end : whole;
    if (whole <= 0)
        return;
    double scale = 100 / whole, bottom = shown * ROW + 4;
    svg_begin(out, "timeline", bottom, "one step on every thread");
    for (int k = 0; k < shown; k++) {
        double busy = 0, y = k * ROW + 4;
        for (size_t i = 0; i < t->n_spans; i++)
            if (t->spans[i].thread == (uint32_t)k)
                busy += t->spans[i].end - t->spans[i].begin;
        label(out, (LabelPlace){0, -8, y + 18, "end"}, "row", "%d: %.0f %%", k, 100 * busy / whole);
        buf_printf(out, "<rect class=\"idle\" x=\"0\" y=\"%.1f\" width=\"100%%\" height=\"%d\"/>\n",
                   y, ROW - 8);
        draw_thread(t, (uint32_t)k, scale, y, ROW - 8, out);
    }
    double step = tick_step(whole);
    for (int i = 0; i * step <= whole * 1.0001; i++) {
        line(out, "grid", i * step * scale, bottom - 4, i * step * scale, bottom + 4);
        label(out, (LabelPlace){i * step * scale, 0, bottom + 18, "middle"}, "tick", "%.10g",
              i * step * 1e3);
    }
    label(out, (LabelPlace){50, 0, bottom + 36, "middle"}, "axis", "ms");
    svg_end(out);
}
