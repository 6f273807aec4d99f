/* The attention kernel: which head and queries a task works on; then on vectors or on the tile
 * unit. */
#include "emit_attention_tiles.h"
#include "emit_attention_vectors.h"
#include "emit_bf16.h"
#include "emitters.h"

void emit_attention(Emit *e, const Attention *a, const char *name)
{
    kernel_begin(e, name);
    AttentionTask x = {.a = a};
    int64_t n = query_blocks(a);
    V bh = udivc(e, e->task, n), head = uremc(e, bh, a->heads), b = udivc(e, bh, a->heads),
      h = mulc(e, head, a->head_size);
    V kv = kv_batch(a) > 1 ? bh : head;
    x.first = mulc(e, uremc(e, e->task, n), a->query_block);
    x.q = at(e, arg(e, 0),
             add(e, add(e, mulc(e, b, a->sq), addc(e, h, a->q_off)), mulc(e, x.first, a->ldq)));
    x.keys = at(e, arg(e, 1), mulc(e, kv, head_key_words(a)));
    x.values = at(e, arg(e, 2), mulc(e, kv, head_value_words(a)));
    x.y = element_at(e, a->y_bf16, arg(e, 3),
                     add(e, mulc(e, add(e, mulc(e, b, a->n), x.first), a->ldy), h));
    if (a->tiles)
        emit_attention_tiles(e, &x);
    else
        emit_attention_vectors(e, &x);
    kernel_end(e);
}
