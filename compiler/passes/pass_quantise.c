/* Products hold their operands, or their weights alone, in fewer bits.
 *
 *     y = dense(x, k)    ->    y = dense(x, k){quant=rows}
 *
 *     y = conv2d(x, k)   ->    y = conv2d(x, k, range(x)){quant=image}
 *
 *     y = attention(q, k, v)   ->    y = attention(q, k, v){quant=rows}
 *
 * Only where the graph asks for it (Graph.quantise, of --dtype int8, w8 or w4). Values change: by
 * as much as quant.h says.
 *
 *                                                     int8      w8      w4
 *     first and last convolution                      -         -       w8
 *     changes more slowly than the result             -         w8      w8
 *     shortcut of a res block                         -         w8      w8
 *     transformers of the first level, on the way
 *     down, where errors pass through all levels      -         w8      w8
 *     other products of single pixels or tokens       rows      w8      w4
 *     convolutions that load values no norm has scaled,
 *     or of the first level on the way down           -         w8      w4
 *     decoders and encoders of pictures               -         w8      w4
 *     other convolutions                              image     w8      w4
 *
 * Scores of self-attention are quantised with int8, by rows, on all levels, but not of coders and
 * not causal ones, of few tokens: they bring the error of bf16 from 2.5e-2 to 2.8e-2. Lowering
 * takes it back where no instruction multiplies whole numbers.
 *
 * One range for all pixels and channels is coarse where no norm has made them alike, and what the
 * first level rounds is rounded again by all others: with synthetic:1 at 128x128 those two classes
 * bring the error of DiffusionModelV2 from 4.4e-2 to 5.7e-2. Decoders and encoders of pictures run
 * once for a picture, and their convolutions have forms with fewer products than direct ones in
 * int8, which take half as long; the two products of their attention are no time.
 *
 * With int8, Graph.layers overrules the rules: a file may name layers of the last six kinds one by
 * one, or all of them.
 *
 * With --optimize memory, int8 holds in w8 what it does not quantise here, first and last
 * convolution aside.
 *
 * Convolutions are candidates: lowering takes back `image` and the range where another form of the
 * convolution costs less (program/algorithm.c); `image_w8` becomes w8 then. Both operands of a
 * concat share a range: they pass one norm, so their numbers are of one size (bench/NOTES.md,
 * Convolutions in int8).
 *
 * Nothing is known of the model but its structure. The first convolution is one that reads an input
 * of the graph, the last one's result is an output. What changes more slowly is computed once per
 * prompt or timestep. A shortcut changes the number of channels of a value that has other users,
 * and is only added, or adds. The first level is what no convolution of stride 2 comes before, in a
 * graph that has one. Decoders and encoders of pictures have no input of a prompt or a timestep,
 * and convolutions besides the first and the last one. */
#include "construct.h"
#include "rewrite.h"

#include "pass.h"

#include <string.h>

#include "err.h"

typedef enum {
    EDGE,
    SLOW,
    SHORTCUT,
    FIRST_LEVEL,
    PIXELS,
    COARSE,
    CODER,
    WINDOWS,
    LAYER_CLASSES
} LayerClass;

static const Quant rules[QUANTISE_COUNT][LAYER_CLASSES] = {
    [QUANTISE_INT8] =
        {[PIXELS] = QUANT_ROWS, [WINDOWS] = QUANT_IMAGE}, /* all others: QUANT_NONE, which is 0 */
    [QUANTISE_INT8_MEMORY] = {[SLOW] = QUANT_W8,
                              [SHORTCUT] = QUANT_W8,
                              [FIRST_LEVEL] = QUANT_W8,
                              [PIXELS] = QUANT_ROWS,
                              [COARSE] = QUANT_W8,
                              [CODER] = QUANT_W8,
                              [WINDOWS] = QUANT_IMAGE_W8},
    [QUANTISE_W8] = {[SLOW] = QUANT_W8,
                     [SHORTCUT] = QUANT_W8,
                     [FIRST_LEVEL] = QUANT_W8,
                     [PIXELS] = QUANT_W8,
                     [COARSE] = QUANT_W8,
                     [CODER] = QUANT_W8,
                     [WINDOWS] = QUANT_W8},
    [QUANTISE_W4] = {[EDGE] = QUANT_W8,
                     [SLOW] = QUANT_W8,
                     [SHORTCUT] = QUANT_W8,
                     [FIRST_LEVEL] = QUANT_W8,
                     [PIXELS] = QUANT_W4,
                     [COARSE] = QUANT_W4,
                     [CODER] = QUANT_W4,
                     [WINDOWS] = QUANT_W4},
};

/* What the pass knows of a graph. */
typedef struct {
    Graph *g;
    /* of the output that changes most often */
    Binding fastest;
    /* per tensor id: a convolution of stride 2 comes before it */
    bool *below;
    bool has_levels;
    /* a decoder or an encoder of pictures */
    bool is_coder;
} Structure;

static bool is_edge(Graph *g, const Op *o)
{
    if (o->kind != OP_CONV2D)
        return false;
    TensorId x = tensor_root(g, o->in[SLOT_X]);
    return tensor(g, x)->kind == T_INPUT || uses_of(g, o->out).is_output;
}

static bool is_coder(Graph *g, Binding fastest)
{
    bool inner = false;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (tensor(g, g->inputs[i])->binding != fastest)
            return false;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        inner |= o->kind == OP_CONV2D && !o->dead && !is_pointwise(g, o) && !is_edge(g, o);
    }
    return inner;
}

static Structure structure_of(Graph *g)
{
    Structure s = {.g = g, .below = arena_alloc(g->arena, g->n_tensors + 1)};
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor(g, g->outputs[i])->binding > s.fastest)
            s.fastest = tensor(g, g->outputs[i])->binding;
    s.is_coder = is_coder(g, s.fastest);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        bool below = o->kind == OP_CONV2D && o->attr.contract.stride > 1;
        s.has_levels |= below;
        for (int n = 0; n < SLOT_COUNT; n++)
            below |= tensor_ok(o->in[n]) && s.below[o->in[n].id];
        s.below[o->out.id] = below;
    }
    return s;
}

static bool is_slow(const Structure *s, const Op *o)
{
    Binding b = tensor(s->g, o->out)->binding;
    return b < s->fastest && !(s->fastest == BIND_STEP && b == BIND_INTERVAL);
}

static bool is_shortcut(const Structure *s, const Op *o)
{
    const Shape *k = &tensor(s->g, o->in[SLOT_KERNEL])->shape;
    if (!is_pointwise(s->g, o) || k->dim[k->rank - 2] == k->dim[k->rank - 1] ||
        uses_of(s->g, o->in[SLOT_X]).n < 2)
        return false;
    Uses u = uses_of(s->g, o->out);
    bool added = u.n > 0;
    if (tensor_ok(o->in[SLOT_RES]))
        return true;
    for (int i = 0; i < u.n; i++) {
        const Op *user = &s->g->ops[u.at[i].op];
        added &= user->kind == OP_ADD || (op_is_contract(user->kind) && u.at[i].slot == SLOT_RES);
    }
    return added;
}

/* Does a convolution load numbers that no norm has made alike, or do all levels see its error? */
static bool is_coarse(const Structure *s, const Op *o)
{
    return prologues[o->attr.contract.pre].norm != AFFINE_NORM ||
           (s->has_levels && !s->below[o->out.id]);
}

static LayerClass class_of(const Structure *s, const Op *o)
{
    if (is_edge(s->g, o))
        return EDGE;
    if (is_slow(s, o))
        return SLOW;
    if (is_shortcut(s, o))
        return SHORTCUT;
    if (s->is_coder)
        return CODER;
    if (!is_pointwise(s->g, o))
        return is_coarse(s, o) ? COARSE : WINDOWS;
    return s->has_levels && !s->below[o->out.id] ? FIRST_LEVEL : PIXELS;
}

/* The range of what op i loads. */
static TensorId add_range(Graph *g, uint32_t i)
{
    const Op *o = &g->ops[i];
    Op range = op_make(OP_RANGE, o->path);
    static const int slots[] = {SLOT_X, SLOT_X2, SLOT_NORM};
    for (size_t n = 0; n < sizeof slots / sizeof slots[0]; n++)
        range.in[slots[n]] = o->in[slots[n]];
    range.attr.range.pre = o->attr.contract.pre;
    return graph_add_op(g, range);
}

/* What Graph.layers says of this op; NULL: nothing. */
static const QuantLayer *line_of(const Structure *s, const Op *o)
{
    const QuantLayers *of = s->g->layers;
    for (int i = 0; of && i < of->n; i++)
        if (!strcmp(of->layers[i].path, o->path))
            return &of->layers[i];
    return NULL;
}

/* The class as if errors did no harm. Nothing bounds the numbers of a LayerNorm by those of its
 * channels. */
static LayerClass bold_class(const Structure *s, const Op *o)
{
    LayerClass class = class_of(s, o);
    bool bounded = prologues[o->attr.contract.pre].norm != LAYER_NORM;
    if (class < FIRST_LEVEL)
        return class;
    return is_pointwise(s->g, o) ? PIXELS : bounded ? WINDOWS : COARSE;
}

/* As the line says; not of kinds that are never quantised. */
static Quant quant_of_line(const Structure *s, const Op *o, const QuantLayer *line)
{
    LayerClass class = class_of(s, o);
    if (!line->int8)
        return QUANT_NONE;
    if (class < FIRST_LEVEL)
        err("%s:%d: %s: expected bf16: the first and the last convolution, shortcuts, and what does "
            "not change in every step are never quantised",
            s->g->layers->file, line->line, o->path);
    return rules[s->g->quantise][bold_class(s, o)];
}

static Quant quant_of(const Structure *s, const Op *o)
{
    const QuantLayer *line = line_of(s, o);
    bool bold = s->g->layers && s->g->layers->all;
    if (line)
        return quant_of_line(s, o, line);
    return rules[s->g->quantise][bold ? bold_class(s, o) : class_of(s, o)];
}

/* Every line must name a product. */
static void check_lines(const Graph *g)
{
    for (int i = 0; g->layers && i < g->layers->n; i++) {
        const QuantLayer *line = &g->layers->layers[i];
        uint32_t k = 0;
        while (k < g->n_ops && (g->ops[k].dead || !op_is_contract(g->ops[k].kind) ||
                                strcmp(g->ops[k].path, line->path) != 0))
            k++;
        if (k == g->n_ops)
            err("%s:%d: graph %s has no layer '%s' that multiplies: expected one of those that "
                "'latentc show GRAPH --after quantise' prints",
                g->layers->file, line->line, g->name, line->path);
    }
}

/* Scores of attention whose keys change as often as its result. Others are computed for each query
 * once, but their keys once a prompt. */
static bool quantises_scores(const Structure *s, const Op *o)
{
    bool int8 = rules[s->g->quantise][PIXELS] == QUANT_ROWS;
    return int8 && o->kind == OP_ATTENTION && !o->attr.attn.causal && !s->is_coder &&
           tensor(s->g, o->in[1])->binding == tensor(s->g, o->out)->binding;
}

int pass_quantise(Graph *g)
{
    if (g->quantise == QUANTISE_NOTHING)
        return 0;
    int n = 0;
    Structure s = structure_of(g);
    check_lines(g);
    for (uint32_t i = 0, all = g->n_ops; i < all; i++) {
        Op *o = &g->ops[i];
        if (!o->dead && quantises_scores(&s, o))
            o->attr.attn.quant = QUANT_ROWS;
        if (o->dead || !op_is_contract(o->kind) || o->attr.contract.quant != QUANT_NONE ||
            tensor(g, o->in[SLOT_KERNEL])->kind != T_WEIGHT)
            continue;
        Quant quant = quant_of(&s, o);
        if (quants[quant].range == IMAGE_RANGE) {
            TensorId range = add_range(g, i);
            g->ops[i].in[SLOT_RANGE] = range;
        }
        g->ops[i].attr.contract.quant = quant;
        n += quant != QUANT_NONE;
    }
    return n;
}
