/* Kernel generators: a description with every size known -> one LLVM function. Descriptions are
 * plain data, compared bytewise to share code between steps; they are zeroed before use. Pointers
 * of a kernel's argument list follow the order stated at each generator. */
#ifndef LATENTC_KERNELS_H
#define LATENTC_KERNELS_H
#include "emit.h"
#include "ir.h"

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; } /* a >= 0, b > 0 */

/* The micro-kernel: acc[i][v] += sum over k of a[i][k*ka] * b[k*ldb + v*lanes .. +lanes]. rows*nvec
 * accumulators live in registers. */
typedef struct {
    int rows, nvec;
    V a[16];                                   /* one pointer a row */
    V acc[16][4];                              /* variables of vector type */
    void (*beside)(Emit *e, const void *user); /* may be NULL; emits what stands beside each
                                                  `unroll` steps of micro_run */
    const void *user;
} Micro;
void micro_init(Emit *e, Micro *m, int rows, int nvec); /* makes the variables, sets them to zero */
/* ka, ldb: in floats. unroll divides count. */
void micro_run(Emit *e, Micro *m, V ka, V b, V ldb, V count, int unroll);
/* The same with operands in bfloat16, in pairs: acc[i][v] += a[i][2k] * b[k*ldb + v*lanes][0] +
 * a[i][2k+1] * b[..][1]; ldb in pairs. Addresses of bf16 tensors count 16-bit elements (at_bf16).
 */
void micro_run_bf16(Emit *e, Micro *m, V b, V ldb, V pairs, int unroll);
V at_bf16(Emit *e, V p, V index);
V dot_bf16(Emit *e, V acc, V a,
           V b); /* vdpbf16ps; a, b: pairs, a vector each. Only for CORE_BF16_DOT */
void store_bf16(Emit *e, V x, V p, int lanes); /* rounds to nearest, ties to even */
/* Tensors that hold f32 or, where only products read them, bf16: indices count elements. valid <
 * lanes: f32 alone. */
static inline V element_at(Emit *e, int bf16, V p, V index)
{
    return bf16 ? at_bf16(e, p, index) : at(e, p, index);
}
void store_elements(Emit *e, int bf16, V v, V p, int lanes, int valid);
/* Words, as a vector of `lanes` f32: the numbers of a and then of b, two a word; and a[i] with b[i]
 * in word i. */
V words_bf16(Emit *e, V a, V b, int lanes);
V pairs_bf16(Emit *e, V a, V b, int lanes);
void load_pairs_bf16(Emit *e, V p, int lanes, V *a,
                     V *b); /* the reverse of storing pairs_bf16(a, b) */
/* tile(e, user, first row, rows) for all of `count` rows, at most `most` (and at most what the
 * registers hold) at a time: in as few tiles as that takes, of two sizes that differ by one, so
 * that none is nearly empty. */
typedef void RowTile(Emit *e, const void *user, V row, int rows);
void row_tiles(Emit *e, int64_t count, int most, RowTile *tile, const void *user);

/* ---- contract: convolutions and dense products as implicit GEMM ----
 * One task computes a strip (up to `pixels` output pixels of one image or of all) for a piece (some
 * blocks of output channels). The strip's input, with its halo, is brought into scratch as
 * [chunk][pixel][kc], normalised on the way; 1x1 products without a prologue read x in place. Where
 * a strip is shared by several pieces, a step of its own brings it into memory once (staged).
 * Panels of weights: [block][chunk][tap][k in chunk][width], block = nr*lanes columns (the last one
 * narrower). */
typedef struct {
    int64_t batch, h, w;        /* the input as the window sees it: after upsampling */
    int64_t oh, ow, c1, c2, co; /* c2: channels of x2; co: channels of the result */
    int kh, kw, stride, pad_top, pad_left, upsample;
    int pre, act, has_bias, has_vec, has_res;
    int bf16; /* operands of the products are rounded to bfloat16: strip and panels hold pairs of
                 channels (emit_bf16.c) */
    double eps;
    int64_t vec_off, vec_width; /* SLOT_VEC is (vec_batch, vec_width) */
    int vec_batch;              /* 1 or batch */
    int x_bf16, y_bf16;         /* x, the result are tensors of bf16; x: without x2 and prologue */
    int past_caches;            /* the result is too large for them */
    int x_shared, x2_shared, res_shared; /* 1: that operand has batch 1 and serves all images */
    int64_t ldy;                         /* floats between rows of the result */
    int has_sums; /* GroupNorm's sums of the result are gathered beside it; c->co in whole vectors,
                     strips of one image */
    /* chosen by contract_plan */
    int flat, in_place;
    int64_t kc, n_chunks, tw, th, images,
        pixels; /* strip: tw x th of `images` images; flat: pixels in a row */
    int64_t strips_x, strips_y, strips_b, blocks,
        pieces; /* piece p: blocks p * blocks / pieces up to those of piece p + 1 */
    int staged; /* strips are loaded (and transformed) into memory by a step of its own, before the
                   products */
    int64_t load_parts; /* tasks of that step per strip */
    int nr, lanes;
    int64_t k_step; /* channels are stored in multiples of it, zeros beyond: 1; 2, pairs in bf16;
                       what a tile product takes */
    int tile_rows; /* 0; else the tile unit computes it (tiles.h), this many output pixels in a tile
                    */
    int winograd; /* 0: direct; else one more than the index of its form in winograd.c, in strips of
                     tiles_x x tiles_y tiles */
    int64_t tiles_x, tiles_y;
    int kernels; /* of a Winograd form: KERNELS_* */
} Contract;
/* Winograd's kernels are transformed when they are packed; or they are stored plain, and each task
 * transforms them in its scratch, a part at a time; or a step of its own does, in memory, once a
 * run. */
enum { KERNELS_PACKED, KERNELS_STREAMED, KERNELS_UNPACKED, KERNELS_COUNT };
/* How convolutions may be computed. AUTO: the cheapest by estimate (algorithm.c); WINOGRAD: never
 * directly where a Winograd form fits; F23, F43, UP, UP43: that form where it fits; F23S, F43S,
 * F23U, F43U: with kernels stored plain, streamed or unpacked; F23X, F43X, F43XU: along x alone. */
typedef enum {
    CONV_AUTO,
    CONV_DIRECT,
    CONV_WINOGRAD,
    CONV_F23,
    CONV_F43,
    CONV_UP,
    CONV_UP43,
    CONV_F23S,
    CONV_F43S,
    CONV_F23U,
    CONV_F43U,
    CONV_F23X,
    CONV_F43X,
    CONV_F43XU
} ConvMode;
ConvMode conv_parse(const char *text); /* of --conv; usage_err() */
extern const char *const conv_names[];
/* Fills the lower part. A form where it fits; else direct. */
void contract_plan(Contract *c, const Target *t, ConvMode mode);
static inline int64_t in_channels(const Contract *c) { return c->c1 + c->c2; }
static inline int64_t round_up(int64_t n, int64_t to) { return ceil_div(n, to) * to; }
/* Channels of the last chunk, and of all, as stored. */
static inline int64_t last_chunk(const Contract *c)
{
    return round_up(in_channels(c) - (c->n_chunks - 1) * c->kc, c->k_step);
}
static inline int64_t stored_channels(const Contract *c)
{
    return (c->n_chunks - 1) * c->kc + last_chunk(c);
}
/* Elements between neighbouring pixels of a strip. On the tile unit an odd number of cache lines:
 * rows of a tile that share few sets of L1 would evict the operand that stays there (measured: 54 %
 * of the peak with 10 or 20 lines, 67 % with one more). */
static inline int64_t strip_row(const Contract *c)
{
    return c->tile_rows && c->kc % 64 == 0 ? c->kc + 32 : c->kc;
}
static inline bool contract_geglu(const Contract *c)
{
    return c->act == ACT_GEGLU_TANH || c->act == ACT_GEGLU_ERF;
}
int64_t contract_columns(const Contract *c); /* columns of the kernel: co, or 2 co with GEGLU */
static inline int64_t contract_block_out(const Contract *c)
{
    return (int64_t)(contract_geglu(c) ? c->nr / 2 : c->nr) * c->lanes;
} /* channels of the result that a whole block yields */
enum { CONTRACT_TASKS = 32 }; /* as many as are wanted at least */
static inline int64_t contract_strips(const Contract *c)
{
    return c->strips_x * c->strips_y * c->strips_b;
}
/* Each strip is a task; else its pieces are (choose_pieces). Convolutions on the tile unit are so
 * fast that what a task loads for itself shows. */
static inline bool contract_strips_suffice(const Contract *c)
{
    return contract_strips(c) >= (c->tile_rows && !c->flat ? 2 : 1) * CONTRACT_TASKS;
}
int64_t contract_tasks(const Contract *c);
int64_t contract_load_tasks(const Contract *c);
int64_t contract_staged_floats(const Contract *c); /* of all strips in memory */
double contract_flops(const Contract *c); /* of the products really computed: fewer than as written
                                             with Winograd, transforms not counted */
int64_t contract_scratch(const Contract *c); /* bytes */
int64_t contract_panel_floats(const Contract *c);
int64_t contract_bias_floats(const Contract *c);
/* kernel: (kh*kw*(c1+c2), columns) as stored; out: contract_panel_floats. */
void contract_pack_kernel(const Contract *c, const float *kernel, float *out);
void contract_pack_bias(const Contract *c, const float *bias, float *out);
/* args: x, [x2], panels, [bias], [norm], [gamma, beta], [vec], [res], y, [sums] */
void contract_pack_row(const Contract *c, int64_t j, const float *row,
                       float *out); /* the columns of block j out of a stored row */
/* The same as bf16, into row k of panel `out` of pairs; row NULL: zeros. */
void contract_pack_pair(const Contract *c, int64_t j, const float *row, int64_t k, void *out);
int64_t contract_strip_pixels(const Contract *c); /* that one chunk of a loaded strip holds */
int64_t contract_strip_lines(const Contract *c);  /* what loading one is split by: lines of pixels,
                                                     or, where they lie in a row (flat), pixels */
int64_t contract_strip_floats(
    const Contract *c); /* room for the loaded strip in scratch, a multiple of 16 */
void emit_contract(Emit *e, const Contract *c, const char *name);
void emit_winograd(Emit *e, const Contract *c, const char *name); /* likewise, c->winograd set */
/* staged: (x, x2?, norm?, gamma?, beta?, strips); the products then take strips in the place of all
 * but the last. */
void emit_contract_load(Emit *e, const Contract *c, const char *name);
void emit_winograd_load(Emit *e, const Contract *c, const char *name);

/* ---- attention with an online softmax ----
 * q (batch, n, ldq), k and v (batch, m, ldk | ldv), y (batch, n, ldy); the heads' channels start at
 * the given offsets. sq, sk, sv: floats between the batch elements of an operand; 0 when one serves
 * all. Two kernels: one packs keys and values, the other attends; a task of it is one block of
 * queries of one head. */
typedef struct {
    int64_t batch, n, m, heads, head_size, ldq, ldk, ldv, ldy, q_off, k_off, v_off, sq, sk, sv;
    double scale;
    int causal;
    int bf16;   /* operands of both products are rounded to bfloat16 */
    int y_bf16; /* the result is a tensor of bf16 */
    /* chosen by attention_plan */
    int lanes, nr, panel_vectors; /* vectors of keys in a panel */
    int64_t query_block,
        block_panels; /* queries of a task; panels of keys whose scores it holds at once */
    int tiles;        /* the tile unit computes it (emit_attn_tiles.c) */
} Attention;
void attention_plan(Attention *a, const Target *t);
int64_t attention_tasks(const Attention *a);
int64_t attention_scratch(const Attention *a); /* bytes */
void emit_attention(Emit *e, const Attention *a,
                    const char *name); /* args: q, packed keys, packed values, y */
int64_t attention_pack_tasks(const Attention *a);
int64_t attention_key_floats(const Attention *a); /* room for the packed keys, and values */
int64_t attention_value_floats(const Attention *a);
void emit_attention_pack(
    Emit *e, const Attention *a,
    const char *name); /* args: k, v, packed keys, packed values; needs no scratch */
/* Unfused: scores (batch, heads, n, m) stored. args: q, k, scores / scores, v, y */
typedef struct {
    int64_t batch, n, m, heads, head_size, ld1, ld2, off1, off2, s1, s2, ldy;
    double scale;
    int causal;
    int64_t rows;
    int av;
} AttnPart;
void attn_part_plan(AttnPart *a, const Target *t);
int64_t attn_part_tasks(const AttnPart *a, const Target *t);
int64_t attn_part_scratch(const AttnPart *a, const Target *t);
void emit_attn_part(Emit *e, const AttnPart *a, const char *name);

/* ---- map: elementwise and layout; a task is `per` rows ---- */
typedef enum {
    MAP_SWISH,
    MAP_GELU_TANH,
    MAP_GELU_ERF,
    MAP_GEGLU_TANH,
    MAP_GEGLU_ERF,
    MAP_SCALE,
    MAP_ADD,
    MAP_ADD_VEC,
    MAP_AFFINE,
    MAP_CONCAT,
    MAP_BROADCAST,
    MAP_UPSAMPLE,
    MAP_SLICE,
    MAP_EMBEDDING,
    MAP_COPY,
    MAP_LAYER_NORM,
    MAP_SOFTMAX
} MapKind;
typedef struct {
    int kind;
    int64_t rows, c; /* of the result */
    int64_t c1; /* channels of the first operand's rows (geglu 2c, concat its own share, slice the
                   whole) */
    int64_t rows_per_batch; /* ADD_VEC, AFFINE: rows that share a vector */
    int64_t x_rows, y_rows; /* BROADCAST, CONCAT: rows of the first operand; ADD, CONCAT: of the
                               second. Fewer than `rows` repeat */
    int64_t w;              /* UPSAMPLE: width of the result, h likewise */
    int64_t h;
    int64_t offset;     /* SLICE: first channel */
    int64_t table_rows; /* EMBEDDING: ids are clamped into the table */
    double value;       /* SCALE: factor; LAYER_NORM: eps */
    int64_t per;
} Map;
void map_plan(Map *m);
int64_t map_tasks(const Map *m);
void emit_map(Emit *e, const Map *m, const char *name); /* args: operands in order, y */

/* ---- GroupNorm statistics (emit_sums.c): sums of blocks of pixels, then per group the scale and
 * shift of each channel ---- A tensor (batch, oh, ow, c); batch 1 may serve all. Blocks of tw x th
 * pixels, per_line of them side by side, the last ones smaller; [batch][block][3][c]: pivot (the
 * block's first pixel), sum of x - pivot, sum of its square. */
typedef struct {
    int64_t batch, c, blocks, per_line, tw, th, ow, oh;
} Sums;
static inline int64_t sums_floats(const Sums *s) { return s->batch * s->blocks * 3 * s->c; }
Sums sums_of_rows(int64_t batch, int64_t rows, int64_t c); /* as emit_sums gathers them */
Sums sums_of_contract(
    const Contract *c); /* as a contract kernel with has_sums does: a block is a strip */
void emit_sums(Emit *e, const Sums *s, const char *name); /* tasks batch*blocks; args: x, sums */
typedef struct {
    int64_t batch, groups;
    double eps;
    Sums part[2];
} GroupFinish; /* part: of x and of x2, c 0 without one */
void emit_group_finish(
    Emit *e, const GroupFinish *g,
    const char *name); /* tasks batch*groups; args: sums of x, [of x2], gamma, beta, y (b,2,c) */

/* ---- peak: as many accumulators as the contract kernels use, nothing else. args: y (the sum of
 * one task, so that the work is not removed) ---- */
typedef struct {
    int64_t iterations;
    int64_t core; /* CORE_FMA, or the target's */
} Peak;
double peak_flops(const Peak *p, const Target *t); /* of a task */
void emit_peak(Emit *e, const Peak *p, const char *name);
#endif
