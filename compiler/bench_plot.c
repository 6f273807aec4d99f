/* The bench's pictures, as SVG inside of the page. Colours are classes of the page's style sheet: k0 .. k4 for the classes of kernels. */
#include "bench.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 800 };

void xml_text(Buf *out, const char *s) {
    for (; *s; s++) {
        if (*s == '&') buf_printf(out, "&amp;");
        else if (*s == '<') buf_printf(out, "&lt;");
        else if (*s == '>') buf_printf(out, "&gt;");
        else if (*s == '"') buf_printf(out, "&quot;");
        else if ((unsigned char)*s >= ' ') buf_add(out, s, 1);
    }
}

static void svg_begin(Buf *out, double height, const char *label) {
    buf_printf(out, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH, height, label);
}
static void svg_end(Buf *out) { buf_printf(out, "</svg>\n"); }

static void line(Buf *out, const char *class, double x1, double y1, double x2, double y2) {
    buf_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2);
}

/* anchor: start, middle or end */
static void label(Buf *out, double x, double y, const char *anchor, const char *class, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
static void label(Buf *out, double x, double y, const char *anchor, const char *class, const char *fmt, ...) {
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, class);
    xml_text(out, text);
    buf_printf(out, "</text>\n");
}

/* ---- roofline ---- */

/* A region or a kernel: operations and bytes of one call, and how long it took. */
typedef struct { const char *name, *kind; double seconds, done, bytes, weight /* its share of all the time */; } Point;

/* Both axes are decades: powers of ten from lo to hi. */
typedef struct { double left, top, right, bottom; int x_lo, x_hi, y_lo, y_hi; } Axes;
static double x_at(const Axes *a, double intensity) { return a->left + (log10(intensity) - a->x_lo) / (a->x_hi - a->x_lo) * (a->right - a->left); }
static double y_at(const Axes *a, double rate) { return a->bottom - (log10(rate) - a->y_lo) / (a->y_hi - a->y_lo) * (a->bottom - a->top); }
static double clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

/* Units that kernels run on: not the ones that are there for comparison. */
static bool in_use(const Machine *m, int unit) { return unit == 0 || unit == m->bf16_unit; }

static double highest_peak(const Machine *m) {
    double peak = 0;
    for (int i = 0; i < m->n_units; i++)
        if (in_use(m, i) && m->units[i].all > peak) peak = m->units[i].all;
    return peak;
}

/* Decades that hold the points and where the slowest bandwidth meets the highest peak. Rates below a ten-thousandth of the peak lie on the edge. */
static Axes fit_axes(const Machine *m, const Point *p, int n) {
    double peak = highest_peak(m), lo_x = 1, hi_x = peak / m->reads[m->n_reads - 1].all, lo_y = peak / 10;
    for (int i = 0; i < n; i++) {
        double x = p[i].done / p[i].bytes, y = p[i].done / p[i].seconds;
        if (x < lo_x) lo_x = x;
        if (x > hi_x) hi_x = x;
        if (y < lo_y) lo_y = y;
    }
    if (lo_y < peak * 1e-4) lo_y = peak * 1e-4;
    return (Axes){70, 14, WIDTH - 16, 380, (int)floor(log10(lo_x)), (int)ceil(log10(hi_x * 1.5)), (int)floor(log10(lo_y)), (int)ceil(log10(peak * 1.3))};
}

static const char *power(int n, const char *unit, char *text, size_t size) {
    static const char *const prefix[] = {"", "k", "M", "G", "T", "P"};
    int k = n < 0 ? 0 : n / 3 > 5 ? 5 : n / 3;
    snprintf(text, size, "%.10g %s%s", pow(10, n - 3 * k), prefix[k], unit);
    return text;
}

static void draw_grid(const Axes *a, Buf *out) {
    char text[64];
    for (int d = a->x_lo; d <= a->x_hi; d++) {
        double x = x_at(a, pow(10, d));
        line(out, "grid", x, a->top, x, a->bottom);
        label(out, x, a->bottom + 18, d == a->x_hi ? "end" : "middle", "tick", "%.10g", pow(10, d));
    }
    for (int d = a->y_lo; d <= a->y_hi; d++) {
        double y = y_at(a, pow(10, d));
        line(out, "grid", a->left, y, a->right, y);
        label(out, a->left - 6, y + 4, "end", "tick", "%s", power(d, "", text, sizeof text));
    }
    label(out, (a->left + a->right) / 2, a->bottom + 38, "middle", "axis", "FLOP done per byte read or written");
    buf_printf(out, "<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\" class=\"axis\">FLOP/s done</text>\n", (a->top + a->bottom) / 2);
}

/* The slanted part of a roof, from where it enters the picture to the highest peak; its name along it. */
static void draw_bandwidth(const Axes *a, const ReadRate *r, double peak, double *last, Buf *out) {
    double from = clamp(pow(10, a->y_lo) / r->all, pow(10, a->x_lo), 1e30), to = peak / r->all;
    double x1 = x_at(a, from), y1 = y_at(a, from * r->all), x2 = x_at(a, to), y2 = y_at(a, peak);
    line(out, "roof", x1, y1, x2, y2);
    double room = *last > 0 ? r->all / *last : 0;
    int dy = *last > 0 ? 12 : -4; /* the first above its line, the others below */
    if (room > 0.8) return; /* too close to the one before for a name of its own */
    *last = r->all;
    double angle = atan2(y1 - y2, x2 - x1) * 180 / M_PI, at = 0.28;
    buf_printf(out, "<text transform=\"translate(%.1f %.1f) rotate(%.1f)\" dy=\"%d\" class=\"note\">%s %.3g GB/s</text>\n", x1 + at * (x2 - x1), y1 + at * (y2 - y1), -angle, dy,
               r->level, r->all / 1e9);
}

static void draw_roofs(const Axes *a, const Machine *m, Buf *out) {
    double peak = highest_peak(m), last = 0;
    for (int i = 0; i < m->n_reads; i++) draw_bandwidth(a, &m->reads[i], peak, &last, out);
    for (int i = 0; i < m->n_units; i++) {
        if (!in_use(m, i)) continue;
        double y = y_at(a, m->units[i].all);
        line(out, "roof", x_at(a, clamp(m->units[i].all / m->reads[0].all, pow(10, a->x_lo), 1e30)), y, a->right, y);
        label(out, a->right - 4, y - 5, "end", "note", "%s %.4g GFLOP/s", m->units[i].text, m->units[i].all / 1e9);
    }
}

static void draw_points(const Axes *a, const Point *p, int n, Buf *out) {
    for (int i = 0; i < n; i++) {
        double x = x_at(a, p[i].done / p[i].bytes), y = clamp(y_at(a, p[i].done / p[i].seconds), a->top, a->bottom), r = 2.5 + 16 * sqrt(p[i].weight);
        buf_printf(out, "<circle class=\"point k%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>", class_of(p[i].kind), x, y, r);
        xml_text(out, p[i].name);
        buf_printf(out, ": ");
        xml_text(out, p[i].kind);
        buf_printf(out, ", %.3f ms, %.1f GFLOP/s done, %.3g FLOP per byte</title></circle>\n", p[i].seconds * 1e3, p[i].done / p[i].seconds / 1e9, p[i].done / p[i].bytes);
    }
}

static void roofline(const Machine *m, const Point *p, int n, Buf *out) {
    Axes a = fit_axes(m, p, n);
    svg_begin(out, 426, "roofline");
    draw_grid(&a, out);
    draw_points(&a, p, n, out);
    draw_roofs(&a, m, out);
    svg_end(out);
}

void plot_roofline(const Bench *b, const Timing *t, Buf *out) {
    Point *p = xcalloc((size_t)t->n_regions + 1, sizeof *p);
    int n = 0;
    for (int i = 0; i < t->n_regions; i++) {
        const Region *r = &t->regions[i];
        if (in_step(r) && r->done > 0 && r->seconds > 0) p[n++] = (Point){r->path, r->kind, r->seconds, r->done, r->bytes, r->seconds / t->run};
    }
    roofline(&b->machine, p, n, out);
    free(p);
}

void plot_kernels(const Bench *b, Buf *out) {
    Point *p = xcalloc((size_t)b->n_kernels + 1, sizeof *p);
    double all = 0;
    for (int i = 0; i < b->n_kernels; i++) all += b->kernels[i].seconds * b->kernels[i].uses;
    for (int i = 0; i < b->n_kernels; i++) {
        const KernelRow *k = &b->kernels[i];
        p[i] = (Point){k->shape, k->kind, k->seconds, k->done, k->bytes, k->seconds * k->uses / all};
    }
    roofline(&b->machine, p, b->n_kernels, out);
    free(p);
}

/* ---- where the time goes ---- */

static void stacked_bar(const Timing *t, double longest, double y, Buf *out) {
    enum { LEFT = 160, HEIGHT = 34 };
    double sums[CLASS_COUNT + 1] = {0}, x = LEFT, scale = (WIDTH - LEFT - 8) / longest;
    sums[CLASS_COUNT] = t->run;
    for (int i = 0; i < t->n_regions; i++)
        if (in_step(&t->regions[i])) {
            sums[class_of(t->regions[i].kind)] += t->regions[i].seconds;
            sums[CLASS_COUNT] -= t->regions[i].seconds;
        }
    label(out, LEFT - 10, y + 22, "end", "row", "%s %.4g ms", t->name, t->run * 1e3);
    for (int k = 0; k <= CLASS_COUNT; k++) {
        double w = sums[k] > 0 ? sums[k] * scale : 0;
        const char *name = k < CLASS_COUNT ? class_names[k] : "between";
        buf_printf(out, "<rect class=\"k%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"><title>%s: %.3f ms, %.1f %%</title></rect>\n", k, x, y, w, HEIGHT, name,
                   sums[k] * 1e3, 100 * sums[k] / t->run);
        if (w > 8 * (double)strlen(name) + 40) label(out, x + w / 2, y + 22, "middle", "inside", "%s %.0f %%", name, 100 * sums[k] / t->run);
        else if (w > 36) label(out, x + w / 2, y + 22, "middle", "inside", "%.0f %%", 100 * sums[k] / t->run);
        x += w;
    }
}

void plot_shares(const Item *item, Buf *out) {
    bool two = item->unfused.n_runs > 0;
    double longest = two && item->unfused.run > item->fused.run ? item->unfused.run : item->fused.run;
    svg_begin(out, two ? 92 : 46, "where the time goes");
    stacked_bar(&item->fused, longest, 4, out);
    if (two) stacked_bar(&item->unfused, longest, 50, out);
    svg_end(out);
}

/* ---- the ladder ---- */

void plot_ladder(const Item *item, Buf *out) {
    enum { LEFT = 130, RIGHT = 210, ROW = 30 };
    double longest = 0;
    for (int i = 0; i < item->n_ladder; i++) longest = item->ladder[i].median > longest ? item->ladder[i].median : longest;
    svg_begin(out, item->n_ladder * ROW + 4, "what each pass contributes");
    for (int i = 0; i < item->n_ladder; i++) {
        const Timing *t = &item->ladder[i];
        double y = i * ROW + 4, w = t->median / longest * (WIDTH - LEFT - RIGHT);
        label(out, LEFT - 10, y + 16, "end", "row", "%s", t->name);
        buf_printf(out, "<rect class=\"bar\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", LEFT, y, w, ROW - 8);
        if (i == 0) label(out, LEFT + w + 8, y + 16, "start", "row", "%.4g ms", t->median * 1e3);
        else label(out, LEFT + w + 8, y + 16, "start", "row", "%.4g ms, %.2f times as fast", t->median * 1e3, item->ladder[i - 1].median / t->median);
    }
    svg_end(out);
}

/* ---- one step on every thread ---- */

/* 1, 2 or 5 times a power of ten, so that there are at most eight of them. */
static double tick_step(double whole) {
    double step = pow(10, floor(log10(whole / 8)));
    static const double factors[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (whole / (step * factors[i]) <= 8) return step * factors[i];
    return whole;
}

/* One thread's spans; neighbours of one class that would be thinner than half a pixel are drawn together. */
static void draw_thread(const Timing *t, uint32_t thread, double scale, double left, double y, double height, Buf *out) {
    double begin = 0, end = -1;
    int class = -1;
    for (size_t i = 0; i <= t->n_spans; i++) {
        const lrt_span *s = i < t->n_spans ? &t->spans[i] : NULL;
        if (s && s->thread != thread) continue;
        const Region *r = s ? &t->regions[t->region_of[s->step]] : NULL;
        int k = r ? class_of(r->kind) : -1;
        if (r && k == class && (s->end - end) * scale < 0.5) {
            end = s->end;
            continue;
        }
        if (end > begin)
            buf_printf(out, "<rect class=\"k%d\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.0f\"/>\n", class, left + begin * scale, y,
                       (end - begin) * scale < 0.3 ? 0.3 : (end - begin) * scale, height);
        if (!r) break;
        begin = s->begin;
        end = s->end;
        class = k;
    }
}

void plot_timeline(const Timing *t, int threads, Buf *out) {
    enum { LEFT = 130, ROW = 34, MOST = 32 };
    double whole = 0;
    int shown = threads < MOST ? threads : MOST;
    for (size_t i = 0; i < t->n_spans; i++) whole = t->spans[i].end > whole ? t->spans[i].end : whole;
    if (whole <= 0) return;
    double scale = (WIDTH - LEFT - 16) / whole, bottom = shown * ROW + 4;
    svg_begin(out, bottom + 42, "one step on every thread");
    for (int k = 0; k < shown; k++) {
        double busy = 0, y = k * ROW + 4;
        for (size_t i = 0; i < t->n_spans; i++)
            if (t->spans[i].thread == (uint32_t)k) busy += t->spans[i].end - t->spans[i].begin;
        label(out, LEFT - 10, y + 18, "end", "row", "thread %d, %.0f %%", k, 100 * busy / whole);
        buf_printf(out, "<rect class=\"idle\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", LEFT, y, whole * scale, ROW - 8);
        draw_thread(t, (uint32_t)k, scale, LEFT, y, ROW - 8, out);
    }
    double step = tick_step(whole);
    for (int i = 0; i * step <= whole * 1.0001; i++) {
        line(out, "grid", LEFT + i * step * scale, bottom - 4, LEFT + i * step * scale, bottom + 4);
        label(out, LEFT + i * step * scale, bottom + 18, "middle", "tick", "%.10g", i * step * 1e3);
    }
    label(out, LEFT + whole * scale / 2, bottom + 36, "middle", "axis", "ms");
    svg_end(out);
}
