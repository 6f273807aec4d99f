/* See emit_dequant.h. */
#include "emit_dequant.h"

static int bits_of(const QuantColumns *q) { return 32 / q->p->group; }

static V load_words(Emit *e, V p, int lanes)
{
    V v = LLVMBuildLoad2(e->b, int_type(e, lanes), p, "");
    LLVMSetAlignment(v, 4);
    return v;
}

/* One number of every word, which has `above` bits above it: all vectors of i32. */
static V number_of(Emit *e, const QuantColumns *q, V words, V above)
{
    V top = LLVMBuildShl(e->b, words, above, ""),
      n = LLVMBuildAShr(e->b, top, int_splat(e, (uint32_t)(32 - bits_of(q)), q->lanes), "");
    return LLVMBuildSIToFP(e->b, n, vec_type(e, q->lanes), "");
}

/* Of channel k of a tap. */
static V scales_of(Emit *e, const QuantColumns *q, V tap, V k)
{
    if (bits_of(q) == 8)
        return load(e, q->scales, q->lanes);
    V group = add(e, mulc(e, tap, ceil_div(q->p->channels, QUANT_GROUP)), udivc(e, k, QUANT_GROUP));
    return load_elements(e, true, at_bf16(e, q->scales, mulc(e, group, PANEL_COLUMNS)), q->lanes,
                         q->lanes);
}

/* The words that hold channel k of a tap. */
static V words_at(Emit *e, const QuantColumns *q, V tap, V k)
{
    V row = add(e, mulc(e, tap, panel_rows(q->p)), udivc(e, k, q->p->group));
    return at(e, q->words, mulc(e, row, PANEL_COLUMNS));
}

/* As floats the bits of a splat move unchanged. */
static V splat_count(Emit *e, V n, int lanes)
{
    n = LLVMBuildBitCast(e->b, LLVMBuildTrunc(e->b, n, e->i32, ""), e->f32, "");
    return LLVMBuildBitCast(e->b, splat(e, n, lanes), int_type(e, lanes), "");
}

void dequant_channels(Emit *e, const QuantColumns *q, V tap, V k, int n, V *out)
{
    V words = load_words(e, words_at(e, q, tap, k), q->lanes), scales = scales_of(e, q, tap, k),
      below = mulc(e, uremc(e, k, q->p->group), bits_of(q));
    for (int h = 0; h < n; h++) {
        V above = sub(e, ci(e, 32 - (int64_t)bits_of(q) * (h + 1)), below);
        out[h] = fp_mul(e, number_of(e, q, words, splat_count(e, above, q->lanes)), scales);
    }
}

/* Words whose first channel is k to rows of panels that are read, `word` channels in a word. */
static void dequant_words(Emit *e, const QuantColumns *q, V tap, V k, int word, V out)
{
    V words = load_words(e, words_at(e, q, tap, k), q->lanes), scales = scales_of(e, q, tap, k),
      x[8];
    for (int h = 0; h < q->p->group; h++) {
        V above = int_splat(e, (uint32_t)(32 - bits_of(q) * (h + 1)), q->lanes);
        x[h] = fp_mul(e, number_of(e, q, words, above), scales);
    }
    for (int h = 0; h < q->p->group; h += word)
        store(e, word == 2 ? pairs_bf16(e, x[h], x[h + 1], q->lanes) : x[h],
              atc(e, out, (int64_t)h / word * PANEL_COLUMNS));
}

void dequant_block(Emit *e, const ContractTask *task, const ColumnBlock *b, V chunk)
{
    const Contract *c = task->c;
    const PanelLayout stored = panel_layout(c), read = panel_read(c);
    V count = chunk_channels(e, c, chunk), first = mulc(e, chunk, c->kc),
      words = block_panel(e, c, &stored, task->panels, b->j),
      scales = block_scales(e, c, &stored, task->panels, b->j);
    for (int v = 0; v < b->nvec; v++) {
        QuantColumns q = {&stored, atc(e, words, block_vector(c, &stored, v)),
                          block_scales_vector(e, c, &stored, scales, v), c->lanes};
        V to = atc(e, task->unpacked, block_vector(c, &read, v));
        Loop lt = loop_begin(e, ci(e, 0), ci(e, stored.taps), 1);
        Loop lk = loop_begin(e, ci(e, 0), count, stored.group);
        V row = add(e, mulc(e, lt.i, panel_rows(&read)), udivc(e, lk.i, read.group));
        dequant_words(e, &q, lt.i, add(e, first, lk.i), read.group,
                      at(e, to, mulc(e, row, PANEL_COLUMNS)));
        loop_end(e, &lk);
        loop_end(e, &lt);
    }
}
