/* Packing keys and values into panels that the micro-kernel reads, once for all queries (once a
 * prompt in cross-attention). A word is an f32 number or a pair of bf16:
 *
 *   keys    [batch][head][panel of keys][word of channels][key]        transposed: a vector holds
 *                                                                      neighbouring keys
 *   values  [batch][head][panel of channels][word of keys][channel]
 *
 * In int8 a word of a key is four channels, and behind a panel's words are KEY_EXTRA more: a scale
 * for each key, and what its sums begin with.
 *
 * For the tile unit both are tiles without gaps: see emit_attention_tiles.c. */
#include "emit_attention_int8.h"
#include "emitters.h"

/* `lanes` words of a row from word u on; `channels` of them valid. */
static V row_words(Emit *e, const Attention *a, V row, V u, int64_t channels)
{
    int lanes = a->lanes;
    if (!a->bf16)
        return load_n(e, at(e, row, u), lanes, channels < lanes ? (int)channels : lanes);
    V part[2], p = at(e, row, mulc(e, u, 2));
    for (int i = 0; i < 2; i++) {
        int64_t left = channels - (int64_t)i * lanes;
        part[i] = left > 0 ? load_n(e, atc(e, p, (int64_t)i * lanes), lanes,
                                    left < lanes ? (int)left : lanes)
                           : cf(e, 0, lanes);
    }
    return words_bf16(e, part[0], part[1], lanes);
}

typedef struct {
    const Attention *a;
    /* Of one head: sources at the panel's first key, and panels. */
    V k, v, keys, values;
    V panel, width; /* its number, and how many keys it stores */
    V mean;         /* int8: of the head's keys */
} Pack;

static V key_at(Emit *e, const Pack *p, V key) { return at(e, p->k, mulc(e, key, p->a->ldk)); }

/* Of key square `key` of the panel, word u: in tiles, `lanes` keys lie together. */
static V key_place(Emit *e, const Attention *a, V key, V u, V width)
{
    if (a->tiles)
        return add(e, mulc(e, key, key_words(a)), mulc(e, u, a->lanes));
    return add(e, mul(e, u, width), key);
}

/* Behind the words of `lanes` keys: their scales, which the words are made with, and the starts of
 * their sums. */
static V key_extra(Emit *e, const Pack *p, V key, int which)
{
    V word = ci(e, attention_score_words(p->a, p->a->head_size) + which);
    return at(e, p->keys, key_place(e, p->a, key, word, p->width));
}

/* `lanes` words of a key of the panel from word u on, `channels` numbers of which exist. */
static V key_row(Emit *e, const Pack *p, V key, V u, int64_t channels)
{
    if (!p->a->int8)
        return row_words(e, p->a, key_at(e, p, key), u, channels);
    CentredKey of = {key_at(e, p, key), p->mean, load(e, key_extra(e, p, key, KEY_SCALE), 1)};
    return key_row_int8(e, p->a, &of, mulc(e, u, 4), channels);
}

/* `lanes` keys from `key` of the panel on (`valid` of them exist), words u.. of their channels,
 * transposed. */
static void pack_key_square(Emit *e, const Pack *p, V key, int64_t valid, V u, int64_t channels)
{
    const Attention *a = p->a;
    V rows[64];
    for (int i = 0; i < a->lanes; i++)
        rows[i] = i < valid ? key_row(e, p, addc(e, key, i), u, channels) : cf(e, 0, a->lanes);
    transpose(e, rows, a->lanes);
    for (int i = 0; i < a->lanes && (a->tiles || i < attention_score_words(a, channels)); i++)
        store(e, rows[i], at(e, p->keys, key_place(e, a, key, addc(e, u, i), p->width)));
}

static void pack_scales(Emit *e, const Pack *p, V key, int64_t valid)
{
    const Attention *a = p->a;
    store(e, cf(e, 0, a->lanes), key_extra(e, p, key, KEY_SCALE));
    Loop l = loop_begin(e, ci(e, 0), ci(e, valid), 1);
    V here = add(e, key, l.i);
    CentredKey of = {key_at(e, p, here), p->mean, NULL};
    store(e, scale_of_key(e, a, &of), key_extra(e, p, here, KEY_SCALE));
    loop_end(e, &l);
}

static void pack_keys(Emit *e, const Pack *p, V key, int64_t valid)
{
    const Attention *a = p->a;
    int64_t step = (int64_t)a->lanes * (a->int8   ? 4
                                        : a->bf16 ? 2
                                                  : 1),
            whole = a->head_size / step * step;
    if (a->int8)
        pack_scales(e, p, key, valid);
    Loop l = loop_begin(e, ci(e, 0), ci(e, attention_score_words(a, whole)), a->lanes);
    pack_key_square(e, p, key, valid, l.i, step);
    loop_end(e, &l);
    if (whole < a->head_size)
        pack_key_square(e, p, key, valid, ci(e, attention_score_words(a, whole)),
                        a->head_size - whole);
    if (a->int8)
        store(e, starts_of_keys(e, a, at(e, p->keys, key), p->width),
              key_extra(e, p, key, KEY_START));
}

/* Of word `word` of the head's keys, channel c, a multiple of `lanes`. */
static V value_place(Emit *e, const Attention *a, V word, V c)
{
    if (a->tiles) {
        V tile = add(e, mulc(e, udivc(e, word, TILE_ROWS), tiles_of_values(a)),
                     udivc(e, c, TILE_COLUMNS));
        return add(e, mulc(e, tile, TILE_FLOATS), mulc(e, uremc(e, word, TILE_ROWS), TILE_COLUMNS));
    }
    int64_t width = value_width(a), last = channels_stored(a) / width * width;
    V panel = udivc(e, c, width), here = ci(e, width); /* the last panel may be narrower */
    if (last < channels_stored(a))
        here = choose(e, lt(e, c, ci(e, last)), here, ci(e, channels_stored(a) - last));
    return add(e, mulc(e, panel, width * attention_words(a, keys_stored(a))),
               add(e, mul(e, word, here), uremc(e, c, width)));
}

/* One word of keys, the first of them `key`, `valid` of them existing: a vector of channels after
 * the other. */
static void pack_values(Emit *e, const Pack *p, V key, int valid)
{
    const Attention *a = p->a;
    int lanes = a->lanes;
    int64_t whole = a->head_size / lanes * lanes;
    V row = at(e, p->v, mulc(e, key, a->ldv)),
      first = add(e, mulc(e, p->panel, panel_keys(a)), key);
    V word = a->bf16 ? udivc(e, first, 2) : first;
    for (int part = 0; part < 2; part++) {
        if (part == (whole == a->head_size) && part == 1)
            break;
        Loop l = loop_begin(e, ci(e, part ? whole : 0), ci(e, part ? a->head_size : whole), lanes);
        V x[2] = {cf(e, 0, lanes), cf(e, 0, lanes)};
        for (int i = 0; i < valid; i++)
            x[i] = load_n(e, at(e, row, addc(e, l.i, i * a->ldv)), lanes,
                          part ? (int)(a->head_size - whole) : lanes);
        store(e, a->bf16 ? pairs_bf16(e, x[0], x[1], lanes) : x[0],
              at(e, p->values, value_place(e, a, word, l.i)));
        loop_end(e, &l);
    }
}

void emit_attention_pack(Emit *e, const Attention *a, const char *name)
{
    kernel_begin(e, name);
    int64_t n = key_panels(a), tail = a->m % a->lanes, stored = keys_stored(a),
            per = a->bf16 ? 2 : 1, odd = a->bf16 ? a->m % 2 : 0;
    V head = udivc(e, e->task, n), h = mulc(e, uremc(e, head, a->heads), a->head_size),
      b = udivc(e, head, a->heads);
    Pack p = {.a = a, .panel = uremc(e, e->task, n)};
    V first = mulc(e, p.panel, panel_keys(a));
    V head_keys = at(e, arg(e, 0), add(e, mulc(e, b, a->sk), addc(e, h, a->k_off)));
    p.k = at(e, head_keys, mulc(e, first, a->ldk));
    p.v = at(e, arg(e, 1),
             add(e, add(e, mulc(e, b, a->sv), addc(e, h, a->v_off)), mulc(e, first, a->ldv)));
    p.keys = at(e, arg(e, 2),
                add(e, mulc(e, head, head_key_words(a)), mulc(e, first, key_words(a))));
    p.values = at(e, arg(e, 3), mulc(e, head, head_value_words(a)));
    if (a->int8) {
        p.mean = e->scratch;
        mean_of_keys(e, a, head_keys, p.mean);
    }
    V valid = smin(e, sub(e, ci(e, a->m), first), ci(e, panel_keys(a))),
      whole = sub(e, valid, uremc(e, valid, a->lanes));
    p.width = smin(e, sub(e, ci(e, keys_stored(a)), first), ci(e, panel_keys(a)));
    Loop l = loop_begin(e, ci(e, 0), whole, a->lanes);
    pack_keys(e, &p, l.i, a->lanes);
    loop_end(e, &l);
    l = loop_begin(e, ci(e, 0), sub(e, valid, uremc(e, valid, per)), per);
    pack_values(e, &p, l.i, (int)per);
    loop_end(e, &l);
    if (a->m < stored) { /* the last keys, and zeros up to a whole vector or tile */
        If f = if_begin(e, lt(e, valid, p.width));
        if (tail)
            pack_keys(e, &p, whole, tail);
        if (round_up(a->m, a->lanes) < stored)
            pack_keys(e, &p, addc(e, p.width, -a->lanes), 0);
        if (odd)
            pack_values(e, &p, addc(e, valid, -1), 1);
        l = loop_begin(e, addc(e, valid, odd), p.width, per);
        pack_values(e, &p, l.i, 0);
        loop_end(e, &l);
        if_end(e, &f);
    }
    kernel_end(e);
}
