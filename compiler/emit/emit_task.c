#include "emit_task.h"
#include "contract_plan.h"
#include "sums.h"

static int operand_args(Emit *e, ContractTask *task)
{
    int i = 0;
    task->x = arg(e, i++);
    if (task->c->c2)
        task->x2 = arg(e, i++);
    return i;
}

static int norm_args(Emit *e, ContractTask *task, int i)
{
    const Contract *c = task->c;
    if (prologues[c->pre].norm == AFFINE_NORM)
        task->norm = arg(e, i++);
    if (prologues[c->pre].norm == LAYER_NORM) {
        task->gamma = arg(e, i++);
        task->beta = arg(e, i++);
    }
    return i;
}

void contract_load_args(Emit *e, ContractTask *task)
{
    int i = norm_args(e, task, operand_args(e, task));
    if (quants[task->c->quant].range == IMAGE_RANGE)
        task->range = arg(e, i++);
    task->strips = arg(e, i);
}

void contract_args(Emit *e, ContractTask *task)
{
    const Contract *c = task->c;
    int i = 0;
    if (c->staged)
        task->strips = arg(e, i++);
    else
        i = operand_args(e, task);
    task->panels = arg(e, i++);
    if (c->epilogue.has_bias)
        task->bias = arg(e, i++);
    if (!c->staged)
        i = norm_args(e, task, i);
    if (c->epilogue.has_vec)
        task->vec = arg(e, i++);
    if (c->epilogue.has_res)
        task->res = arg(e, i++);
    if (quants[c->quant].range == IMAGE_RANGE)
        task->range = arg(e, i++);
    task->y = arg(e, i++);
    if (c->epilogue.has_sums)
        task->sums = arg(e, i++);
}

/* Strips run fastest, so that neighbouring tasks share weights. */
V contract_task(Emit *e, ContractTask *task)
{
    const Contract *c = task->c;
    int64_t per_image = c->strips_x * c->strips_y, strips = per_image * c->strips_b;
    V strip = uremc(e, e->task, strips), slice = udivc(e, e->task, strips);
    V in_image = uremc(e, strip, per_image);
    if (c->staged)
        task->strip = at(e, task->strips, mulc(e, strip, contract_staged_floats(c) / strips));
    if (task->sums) {
        const Sums layout = sums_of_contract(c);
        task->sums = at(e, task->sums, mulc(e, strip, sums_block_floats(&layout)));
    }
    task->b0 = mulc(e, udivc(e, strip, per_image), c->images);
    if (c->flat) {
        task->y0 = mulc(e, in_image, c->pixels);
        task->pixels = smin(e, sub(e, ci(e, c->tw), task->y0), ci(e, c->pixels));
        return slice;
    }
    task->x0 = mulc(e, uremc(e, in_image, c->strips_x), c->tw);
    task->y0 = mulc(e, udivc(e, in_image, c->strips_x), c->th);
    V rows = smin(e, sub(e, ci(e, c->oh), task->y0), ci(e, c->th));
    task->pixels = c->oh % c->th == 0 ? ci(e, c->pixels) : mulc(e, rows, c->tw * c->images);
    return slice;
}

V inside(Emit *e, V i, int64_t n) { return LLVMBuildICmp(e->b, LLVMIntULT, i, ci(e, n), ""); }

V input_pixel(Emit *e, const Contract *c, V image, V iy, V ix, int upsample)
{
    V row = add(e, mulc(e, image, c->h / c->upsample), udivc(e, iy, upsample));
    return add(e, mulc(e, row, c->w / c->upsample), udivc(e, ix, upsample));
}

/* Rows of all images that the strip sees. */
/* Output pixel p of the strip: its image (within the strip), row and column, all relative. */
static void pixel_coordinates(Emit *e, const ContractTask *task, V p, V *image, V *row, V *col)
{
    const Contract *c = task->c;
    V line = udivc(e, p, c->tw);
    *col = uremc(e, p, c->tw);
    *image = c->images == 1 ? ci(e, 0) : udivc(e, line, c->th);
    *row = c->images == 1 ? line : uremc(e, line, c->th);
}

V window_offset(Emit *e, const ContractTask *task, V p)
{
    const Contract *c = task->c;
    if (c->in_place)
        return mulc(e, p, c->c1);
    if (c->flat)
        return mulc(e, p, strip_row(c));
    V image, row, col;
    pixel_coordinates(e, task, p, &image, &row, &col);
    V line = add(e, mulc(e, image, task->sh), mulc(e, row, c->stride));
    return mulc(e, add(e, mulc(e, line, task->sw), mulc(e, col, c->stride)), strip_row(c));
}

V output_pixel(Emit *e, const ContractTask *task, V p, V *batch)
{
    const Contract *c = task->c;
    *batch = task->b0;
    if (c->flat) {
        V pixel = add(e, task->y0, p);
        if (c->strips_b > 1)
            pixel = add(e, pixel, mulc(e, task->b0, c->oh * c->ow));
        return pixel;
    }
    V image, row, col;
    pixel_coordinates(e, task, p, &image, &row, &col);
    *batch = add(e, task->b0, image);
    V line = add(e, mulc(e, *batch, c->oh), add(e, task->y0, row));
    return add(e, mulc(e, line, c->ow), add(e, task->x0, col));
}

V chunk_channels(Emit *e, const Contract *c, V chunk)
{
    int64_t rest = last_chunk(c);
    return rest == c->kc
               ? ci(e, rest)
               : choose(e, eq(e, chunk, ci(e, c->n_chunks - 1)), ci(e, rest), ci(e, c->kc));
}

V part_begin(Emit *e, V part, int64_t count, int64_t parts)
{
    return parts == count ? part : udivc(e, mulc(e, part, count), parts);
}

static int64_t panel_results(const PanelLayout *p) { return p->geglu ? PANEL_PAIR : PANEL_COLUMNS; }

/* The place of vector 0 of block j in rows of 16 columns, `panel` places from panel to panel. */
static V block_place(Emit *e, const Contract *c, const PanelLayout *p, V j, int64_t panel)
{
    int64_t out = contract_block_out(c), per = panel_results(p);
    if (out % per == 0)
        return mulc(e, j, out / per * panel);
    V column = mulc(e, j, out); /* a block is a part of a panel */
    return add(e, mulc(e, udivc(e, column, per), panel), uremc(e, column, per));
}

/* From there to vector v. */
static int64_t vector_place(const Contract *c, const PanelLayout *p, int v, int64_t panel)
{
    int half = c->nr / 2;
    bool gate = p->geglu && c->lanes < PANEL_COLUMNS && v >= half;
    int64_t per = c->lanes == PANEL_COLUMNS ? PANEL_COLUMNS : panel_results(p),
            column = (int64_t)(gate ? v - half : v) * c->lanes;
    return column / per * panel + column % per + (gate ? PANEL_PAIR : 0);
}

V block_panel(Emit *e, const Contract *c, const PanelLayout *p, V panels, V j)
{
    return at(e, panels, block_place(e, c, p, j, panel_words(p)));
}

int64_t block_vector(const Contract *c, const PanelLayout *p, int v)
{
    return vector_place(c, p, v, panel_words(p));
}

V scale_at(Emit *e, const PanelLayout *p, V scales, V index)
{
    return element_at(e, p->group == 8, scales, index);
}

V block_scales(Emit *e, const Contract *c, const PanelLayout *p, V panels, V j)
{
    V tail = atc(e, panels, panel_count(p) * panel_words(p));
    return scale_at(e, p, tail, block_place(e, c, p, j, panel_scales(p)));
}

V block_scales_vector(Emit *e, const Contract *c, const PanelLayout *p, V scales, int v)
{
    return scale_at(e, p, scales, ci(e, vector_place(c, p, v, panel_scales(p))));
}

/* The lower, or the upper, halves of two whole panels. */
static V join_halves(Emit *e, V a, V b, unsigned from)
{
    V index[PANEL_COLUMNS];
    for (unsigned i = 0; i < PANEL_COLUMNS; i++)
        index[i] = LLVMConstInt(e->i32,
                                from + i % PANEL_PAIR + (i < PANEL_PAIR ? 0 : PANEL_COLUMNS), 0);
    return LLVMBuildShuffleVector(e->b, a, b, LLVMConstVector(index, PANEL_COLUMNS), "");
}

GatedVector gated_vector(Emit *e, const Contract *c, const V *sums, int nvec, int v)
{
    if (c->lanes < PANEL_COLUMNS)
        return (GatedVector){sums[v], sums[c->nr / 2 + v]};
    V a = sums[2 * v], b = 2 * v + 1 < nvec ? sums[2 * v + 1] : a;
    return (GatedVector){join_halves(e, a, b, 0), join_halves(e, a, b, PANEL_PAIR)};
}

void contract_blocks(Emit *e, const Contract *c, V slice, BlockBody *body, void *user)
{
    bool geglu = contract_geglu(c);
    int64_t out = contract_block_out(c), tail = c->co - (c->blocks - 1) * out;
    Loop l = loop_begin(e, part_begin(e, slice, c->blocks, c->slices),
                        part_begin(e, addc(e, slice, 1), c->blocks, c->slices), 1);
    if (tail == out) {
        body(e, user, &(ColumnBlock){l.i, c->nr, false});
    } else {
        If f = if_begin(e, eq(e, l.i, ci(e, c->blocks - 1)));
        int nvec = !geglu                      ? (int)ceil_div(tail, c->lanes)
                   : c->lanes == PANEL_COLUMNS ? (int)ceil_div(tail, PANEL_PAIR)
                                               : c->nr;
        body(e, user, &(ColumnBlock){l.i, nvec, true});
        if_else(e, &f);
        if (c->blocks > 1)
            body(e, user, &(ColumnBlock){l.i, c->nr, false});
        if_end(e, &f);
    }
    loop_end(e, &l);
}
