/* See emit_attention_int8.h. Softmax does not see what all keys have in common, so that is taken
 * off before they are rounded: trained models have channels where it is most of a key.
 *
 *   S = (sum - 128 * sum of the key) * scale of the query * scale of the key + start
 *
 * The unsigned operand is the query, with 128 added. */
#include "emit_attention_int8.h"
#include "emit_int8.h"
#include "emit_range.h"
#include "quant.h"

/* The scale of `lanes` numbers at a time, as `each` has them. */
static V scale_of(Emit *e, const NumberRange *r, int lanes)
{
    NumberRange all = range_end(e, (NumberRange[]){*r, range_begin(e, 1)}, lanes);
    return emit_quant_scale(e, &all);
}

static int valid_lanes(const Attention *a, int64_t channel, int64_t channels)
{
    return (int)min64(channels - channel, a->lanes);
}

void load_query_int8(Emit *e, const Attention *a, V from, double scale, V to)
{
    int lanes = a->lanes;
    NumberRange r = range_begin(e, lanes);
    for (int64_t d = 0; d < a->head_size; d += lanes)
        range_add(e, &r, load_n(e, atc(e, from, d), lanes, valid_lanes(a, d, a->head_size)));
    V of = scale_of(e, &r, lanes);
    for (int64_t d = 0; d < a->head_size; d += lanes) {
        V x = load_n(e, atc(e, from, d), lanes, valid_lanes(a, d, a->head_size));
        store_unsigned_int8(e, x, of, at_byte(e, to, ci(e, d)), lanes);
    }
    store(e, fp_mul(e, of, cf(e, scale, 1)), atc(e, to, query_scale(a)));
}

void scores_int8(Emit *e, const Scores *s, Micro *m, V *start)
{
    const Attention *a = s->x->a;
    int lanes = a->lanes;
    int64_t words = attention_score_words(a, a->head_size), width = (int64_t)m->nvec * lanes;
    V extra = atc(e, s->panel, words * width), scale[4], query[16];
    micro_init_int8(e, m, m->rows, m->nvec);
    for (int v = 0; v < m->nvec; v++) {
        V first = load(e, atc(e, extra, KEY_START * width + (int64_t)v * lanes), lanes);
        for (int i = 0; i < m->rows; i++)
            set(e, m->acc[i][v], LLVMBuildBitCast(e->b, first, int_type(e, lanes), ""));
    }
    for (int i = 0; i < m->rows; i++)
        query[i] = load(e, atc(e, m->a[i], query_scale(a)), 1);
    micro_run_int8(e, m, s->panel, ci(e, width), ci(e, words), words % 4 == 0 ? 4 : 1);
    for (int v = 0; v < m->nvec; v++)
        scale[v] = load(e, atc(e, extra, KEY_SCALE * width + (int64_t)v * lanes), lanes);
    for (int i = 0; i < m->rows; i++)
        for (int v = 0; v < m->nvec; v++) {
            V sum = LLVMBuildSIToFP(e->b, get(e, m->acc[i][v]), vec_type(e, lanes), "");
            V of = splat(e, query[i], lanes);
            sum = fp_mul(e, sum, scale[v]);
            sum = start ? fp_fma(e, sum, of, splat(e, start[i], lanes)) : fp_mul(e, sum, of);
            m->acc[i][v] = var(e, vec_type(e, lanes), sum);
        }
}

void mean_of_keys(Emit *e, const Attention *a, V keys, V mean)
{
    int lanes = a->lanes;
    int64_t n = min64(a->m, QUANT_MEAN_KEYS);
    for (int64_t d = 0; d < a->head_size; d += lanes) {
        V sum = var(e, vec_type(e, lanes), cf(e, 0, lanes));
        Loop l = loop_begin(e, ci(e, 0), ci(e, n), 1);
        V row = at(e, keys, mulc(e, udivc(e, mulc(e, l.i, a->m), n), a->ldk));
        V x = load_n(e, atc(e, row, d), lanes, valid_lanes(a, d, a->head_size));
        set(e, sum, fp_add(e, get(e, sum), x));
        loop_end(e, &l);
        store(e, fp_div(e, get(e, sum), cf(e, (double)n, lanes)), atc(e, mean, d));
    }
}

static V centred(Emit *e, const Attention *a, const CentredKey *k, V channel, int valid)
{
    V x = load_n(e, at(e, k->key, channel), a->lanes, valid);
    return fp_sub(e, x, load(e, at(e, k->mean, channel), a->lanes));
}

V scale_of_key(Emit *e, const Attention *a, const CentredKey *k)
{
    NumberRange r = range_begin(e, a->lanes);
    for (int64_t d = 0; d < a->head_size; d += a->lanes)
        range_add(e, &r, centred(e, a, k, ci(e, d), valid_lanes(a, d, a->head_size)));
    return scale_of(e, &r, a->lanes);
}

V key_row_int8(Emit *e, const Attention *a, const CentredKey *k, V channel, int64_t channels)
{
    V part[4], none = cf(e, 0, a->lanes);
    for (int i = 0; i < 4; i++) {
        int64_t from = (int64_t)i * a->lanes;
        V x = from < channels
                  ? centred(e, a, k, addc(e, channel, from), valid_lanes(a, from, channels))
                  : none;
        part[i] = whole_int8(e, x, k->scale, a->lanes);
    }
    return words_int8(e, part, a->lanes);
}

V starts_of_keys(Emit *e, const Attention *a, V words, V width)
{
    int lanes = a->lanes;
    V none = int_splat(e, 0, lanes), sum = var(e, int_type(e, lanes), none);
    Loop l = loop_begin(e, ci(e, 0), ci(e, attention_score_words(a, a->head_size)), 1);
    V word = LLVMBuildBitCast(e->b, load(e, at(e, words, mul(e, l.i, width)), lanes),
                              int_type(e, lanes), "");
    set(e, sum, dot_int8(e, get(e, sum), int_splat(e, 0x80808080u, lanes), word));
    loop_end(e, &l);
    return LLVMBuildBitCast(e->b, LLVMBuildSub(e->b, none, get(e, sum), ""), vec_type(e, lanes),
                            "");
}
