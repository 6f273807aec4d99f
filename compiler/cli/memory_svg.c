/* The memory plan as a picture. See stage_report.h. */
#include <stdlib.h>

#include "stage_report.h"
#include "alloc.h"

enum { LEFT = 70, TOP = 64, RIGHT = 20, BOTTOM = 44, WIDTH = 1200, HEIGHT = 560, TICKS = 8 };

static void put_escaped(Buf *out, const char *s)
{
    for (; *s; s++)
        if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
            buf_printf(out, "&#%d;", *s);
        else
            buf_add(out, s, 1);
}

static bool drawn(const Mem *m)
{
    return m->buffer == LRT_BUF_ARENA && m->first >= 0 && m->bytes > 0;
}

/* What lives at each step, in bytes: no plan can do with less than the most of it. */
static int64_t *live_bytes(const Stage *s, int64_t *most)
{
    int64_t *live = xcalloc((size_t)s->n_steps + 1, sizeof *live);
    *most = 0;
    for (uint32_t i = 0; i < s->n_mems; i++)
        for (int k = s->mems[i].first; drawn(&s->mems[i]) && k <= s->mems[i].last; k++)
            live[k] += s->mems[i].bytes;
    for (int k = 0; k < s->n_steps; k++)
        if (live[k] > *most)
            *most = live[k];
    return live;
}

static double x_of(const Stage *s, int step)
{
    return LEFT + (double)WIDTH * step / (s->n_steps ? s->n_steps : 1);
}

static double y_of(const Stage *s, int64_t offset)
{
    return TOP + (double)HEIGHT * (double)offset / (double)(s->arena_bytes ? s->arena_bytes : 1);
}

/* Its colour follows from the step that makes it: neighbours in time differ. */
static void put_value(const Stage *s, const Mem *m, Buf *out)
{
    const Step *made = &s->steps[m->first];
    double x = x_of(s, m->first), y = y_of(s, m->offset);
    buf_printf(
        out,
        "<rect class=\"value\" data-first=\"%d\" data-last=\"%d\" data-offset=\"%lld\" data-bytes=\"%lld\"",
        m->first, m->last, (long long)m->offset, (long long)m->bytes);
    buf_printf(
        out,
        " x=\"%.3f\" y=\"%.3f\" width=\"%.3f\" height=\"%.3f\" fill=\"hsl(%d,55%%,68%%)\"><title>",
        x, y, x_of(s, m->last + 1) - x, y_of(s, m->offset + m->bytes) - y, m->first * 137 % 360);
    put_escaped(out, made->name);
    buf_printf(out, " (");
    put_escaped(out, made->kind);
    buf_printf(out, "): %.3f MB at %.3f MB, steps %d to %d, last used by ", (double)m->bytes / 1e6,
               (double)m->offset / 1e6, m->first, m->last);
    put_escaped(out, s->steps[m->last].name);
    buf_printf(out, "</title></rect>\n");
}

static void put_axes(const Stage *s, Buf *out)
{
    for (int i = 0; i <= TICKS; i++) {
        double y = TOP + (double)HEIGHT * i / TICKS, x = LEFT + (double)WIDTH * i / TICKS;
        buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                   LEFT + WIDTH, y, y);
        buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>", LEFT - 6,
                   y + 4, (double)s->arena_bytes / 1e6 * i / TICKS);
        buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x,
                   TOP + HEIGHT + 16, s->n_steps * i / TICKS);
    }
    buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">MB</text>", LEFT - 6, TOP - 10);
    buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n",
               LEFT + WIDTH / 2, TOP + HEIGHT + 34);
}

/* The bytes that live, as a line over the rectangles: what lies above it is free or lost between
 * values. */
static void put_live(const Stage *s, const int64_t *live, Buf *out)
{
    buf_printf(out, "<polyline class=\"live\" points=\"");
    for (int k = 0; k < s->n_steps; k++)
        buf_printf(out, "%.2f,%.2f %.2f,%.2f ", x_of(s, k), y_of(s, live[k]), x_of(s, k + 1),
                   y_of(s, live[k]));
    buf_printf(out, "\"/>\n");
}

void memory_print_svg(const Stage *s, Buf *out)
{
    int64_t most, *live = live_bytes(s, &most);
    int width = LEFT + WIDTH + RIGHT, height = TOP + HEIGHT + BOTTOM;
    buf_printf(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" ",
        width, height);
    buf_printf(
        out,
        "font-family=\"sans-serif\" font-size=\"12\">\n<style>.grid{stroke:#ddd}.value{stroke:#fff;stroke-width:0.4}"
        ".value:hover{stroke:#000;stroke-width:2}.live{fill:none;stroke:#000;stroke-width:1}</style>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"22\" font-size=\"16\">",
        LEFT);
    put_escaped(out, s->graph->name);
    buf_printf(out, ": arena of %.1f MB, %.1f MB without sharing</text>\n<text x=\"%d\" y=\"42\">",
               (double)s->arena_bytes / 1e6, (double)s->arena_bytes_unshared / 1e6, LEFT);
    buf_printf(
        out,
        "A rectangle is a value from its first to its last step, at its place. The line: what lives at a step, at most "
        "%.1f MB.</text>\n",
        (double)most / 1e6);
    put_axes(s, out);
    for (uint32_t i = 0; i < s->n_mems; i++)
        if (drawn(&s->mems[i]))
            put_value(s, &s->mems[i], out);
    put_live(s, live, out);
    buf_printf(out, "</svg>\n");
    free(live);
}
