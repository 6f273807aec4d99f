/* Blocking of attention: plain arithmetic. emit_attention_vectors.c has the algorithm on vectors,
 * emit_attention_tiles.c the one on the tile unit. */
#include "attention.h"
#include "blocking.h"

bool attention_int8_pays(const Target *t) { return target_dot8(t) && !target_tiles(t); }

/* The largest divisor of n in lo..hi, or 0. */
static int64_t divisor(int64_t n, int64_t lo, int64_t hi)
{
    for (int64_t k = hi; k >= lo; k--)
        if (n % k == 0)
            return k;
    return 0;
}

/* In the software-pipelined form each step of softmax overlaps with the products of one pair of
 * columns of the chunk before, so a chunk has as many steps as there are pairs. */
int64_t pipelined_chunks(const Attention *a)
{
    if (a->causal || a->head_size % TILE_CHANNELS || value_pairs(a) > PIPELINED_PAIRS ||
        attention_steps(a) < PIPELINED_STEPS)
        return 0;
    return a->m / (ATTENTION_STEP * value_pairs(a));
}

static void plan_tiles(Attention *a)
{
    int64_t most = a->head_size > ATTENTION_LONG ? ATTENTION_LONG_QUERIES : ATTENTION_STRIP;
    a->tiles = 1;
    a->panel_vectors = TILE_MOST;
    a->query_block = round_up(ceil_div(a->n, ceil_div(a->n, most)), ATTENTION_STRIP);
    int64_t steps = attention_steps(a),
            even = ceil_div(steps, ceil_div(steps, ATTENTION_MOST_STEPS));
    a->block_panels = pipelined_chunks(a) ? value_pairs(a) : even;
}

void attention_plan(Attention *a, const Target *t)
{
    a->lanes = t->lanes;
    a->nr = t->nr;
    if (a->bf16 && target_tiles(t)) {
        plan_tiles(a);
        return;
    }
    int64_t vectors = ceil_div(a->m, t->lanes), even_blocks = ceil_div(a->n, ATTENTION_QUERIES);
    a->panel_vectors = (int)ceil_div(vectors, ceil_div(vectors, t->nr));
    a->query_block = divisor(a->n, ATTENTION_QUERIES / 2, ATTENTION_QUERIES);
    if (!a->query_block)
        a->query_block = ceil_div(a->n, even_blocks);
    int64_t n = key_panels(a), most = ATTENTION_KEYS / panel_keys(a);
    a->block_panels = n * panel_keys(a) <= ATTENTION_KEYS + ATTENTION_KEYS / 4
                          ? n
                          : divisor(n, most / 2, most);
    if (!a->block_panels)
        a->block_panels = most;
}

int64_t attention_tasks(const Attention *a) { return a->batch * a->heads * query_blocks(a); }
int64_t attention_pack_tasks(const Attention *a) { return kv_batch(a) * a->heads * key_panels(a); }
/* int8: the mean of keys */
int64_t attention_pack_scratch(const Attention *a) { return a->int8 ? 4 * channels_stored(a) : 0; }
int64_t attention_key_floats(const Attention *a)
{
    return kv_batch(a) * a->heads * head_key_words(a);
}
int64_t attention_value_floats(const Attention *a)
{
    return kv_batch(a) * a->heads * head_value_words(a);
}

static int64_t take(int64_t *at, int64_t floats)
{
    int64_t begin = *at;
    *at += round_up(floats, TILE_COLUMNS);
    return begin;
}

AttentionTiles attention_tiles(const Attention *a)
{
    enum { TILE = TILE_FLOATS };
    int64_t strips = attention_strips(a), at = 0;
    AttentionTiles t;
    t.queries = take(&at, strips * TILE_MOST * tiles_of_keys(a) * TILE);
    t.start = take(&at, strips * TILE_MOST * TILE);
    t.masked = take(&at, ATTENTION_SUMS * TILE);
    t.scores = take(&at, 2 * ATTENTION_SUMS * TILE);
    t.weights = take(&at, 2 * a->block_panels * TILE_MOST * TILE);
    t.results = take(&at, strips * value_pairs(a) * ATTENTION_SUMS * TILE);
    t.sums = take(&at, a->query_block * TILE_COLUMNS);
    t.totals = take(&at, a->query_block);
    t.floats = at;
    return t;
}

int64_t attention_scratch(const Attention *a)
{
    if (a->tiles)
        return 4 * attention_tiles(a).floats;
    int64_t results = key_blocks(a) > 1 ? a->query_block * (result_stride(a) + a->lanes) : 0;
    return 4 * (a->query_block * (query_stride(a) + score_stride(a)) + results + 4 * query_rows(a) +
                4 * 16);
}

void attn_part_plan(AttnPart *a, const Target *t)
{
    (void)t;
    a->rows = min64(a->n, ATTN_PART_ROWS);
}
int64_t attn_part_tasks(const AttnPart *a, const Target *t)
{
    (void)t;
    return a->batch * a->heads * ceil_div(a->n, a->rows);
}
/* scores: one panel of keys, transposed: [d][nr * lanes]. av: none */
int64_t attn_part_scratch(const AttnPart *a, const Target *t)
{
    return a->av ? 0 : a->head_size * t->nr * t->lanes * 4;
}
