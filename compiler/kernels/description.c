/* See description.h. A field that a table lacks fails the build: each table also initialises its
 * struct by position, and the compiler counts. */
#include "description.h"
#include <string.h>

/* F(member): a number. N(member, names): an index into the names. */
/* clang-format off */
#define FIELDS_Contract(F, N) \
    F(batch) F(h) F(w) F(oh) F(ow) F(c1) F(c2) F(co) F(kh) F(kw) F(stride) F(pad_top) F(pad_left) F(upsample) \
    N(pre, prologue_names) N(epilogue.act, activation_names) F(epilogue.act_last) F(epilogue.y_bf16) F(epilogue.past_caches) \
    F(epilogue.has_bias) F(epilogue.has_vec) F(epilogue.has_res) F(epilogue.res_shared) F(epilogue.res_bf16) F(epilogue.has_sums) F(epilogue.has_bounds) F(bf16) N(quant, quant_names) F(eps) F(vec_off) F(vec_width) F(vec_batch) \
    F(x_bf16) F(x_shared) F(x2_shared) F(ldy) \
    F(flat) F(in_place) F(kc) F(n_chunks) F(tw) F(th) F(images) F(pixels) F(strips_x) F(strips_y) F(strips_b) \
    F(blocks) F(slices) F(staged) F(load_parts) F(nr) F(lanes) F(k_step) F(wide) F(tile_rows) \
    N(winograd, winograd_names) F(tiles_x) F(tiles_y) N(kernels, stored_kernels_names)
#define FIELDS_Attention(F, N) \
    F(batch) F(n) F(m) F(heads) F(head_size) F(ldq) F(ldk) F(ldv) F(ldy) F(q_off) F(k_off) F(v_off) F(sq) F(sk) \
    F(sv) F(scale) F(causal) F(bf16) F(int8) F(y_bf16) F(lanes) F(nr) F(panel_vectors) F(query_block) F(block_panels) F(tiles)
#define FIELDS_AttnPart(F, N) \
    F(batch) F(n) F(m) F(heads) F(head_size) F(ld1) F(ld2) F(off1) F(off2) F(s1) F(s2) F(ldy) F(scale) F(causal) \
    F(rows) F(av)
#define FIELDS_Map(F, N) \
    N(kind, map_names) N(act, activation_names) F(rows) F(c) F(c1) F(rows_per_batch) F(x_rows) F(y_rows) \
    F(w) F(h) F(offset) F(table_rows) F(table_bf16) F(value) F(shift) F(per)
#define FIELDS_Sums(F, N) F(batch) F(c) F(blocks) F(per_line) F(tw) F(th) F(ow) F(oh) F(bounds)
#define PART(F, i) \
    F(part[i].batch) F(part[i].c) F(part[i].blocks) F(part[i].per_line) F(part[i].tw) F(part[i].th) F(part[i].ow) F(part[i].oh) F(part[i].bounds)
#define FIELDS_GroupFinish(F, N) F(batch) F(groups) F(eps) PART(F, 0) PART(F, 1)
#define FIELDS_RangeFinish(F, N) F(batch) PART(F, 0) PART(F, 1) N(pre, prologue_names)
#define FIELDS_Peak(F, N) F(iterations) N(core, core_names) F(int8)
#define FIELDS_PanelLayout(F, N) \
    F(channels) F(columns) F(taps) F(group) F(geglu) N(winograd, winograd_names)
/* clang-format on */

#define TYPE_OF(x) _Generic((x), int : FIELD_INT, int64_t : FIELD_I64, double : FIELD_REAL)

#pragma GCC diagnostic error "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wmissing-braces"
#define ZERO(member, ...) 0,
#define COUNTED(Type) \
    static const Type counted_##Type __attribute__((unused)) = {FIELDS_##Type(ZERO, ZERO)};
COUNTED(Contract)
COUNTED(Attention)
COUNTED(AttnPart)
COUNTED(Map)
COUNTED(Sums)
COUNTED(GroupFinish)
COUNTED(RangeFinish)
COUNTED(Peak)
COUNTED(PanelLayout)

#define ROW(Type, member) {#member, offsetof(Type, member), TYPE_OF(((Type *)0)->member), NULL, 0},
#define NAMED(Type, member, names)                                         \
    {#member, offsetof(Type, member), TYPE_OF(((Type *)0)->member), names, \
     sizeof names / sizeof names[0]},
#define ROW_Contract(m) ROW(Contract, m)
#define NAMED_Contract(m, names) NAMED(Contract, m, names)
#define ROW_Attention(m) ROW(Attention, m)
#define NAMED_Attention(m, names) NAMED(Attention, m, names)
#define ROW_AttnPart(m) ROW(AttnPart, m)
#define NAMED_AttnPart(m, names) NAMED(AttnPart, m, names)
#define ROW_Map(m) ROW(Map, m)
#define NAMED_Map(m, names) NAMED(Map, m, names)
#define ROW_Sums(m) ROW(Sums, m)
#define NAMED_Sums(m, names) NAMED(Sums, m, names)
#define ROW_GroupFinish(m) ROW(GroupFinish, m)
#define NAMED_GroupFinish(m, names) NAMED(GroupFinish, m, names)
#define ROW_RangeFinish(m) ROW(RangeFinish, m)
#define NAMED_RangeFinish(m, names) NAMED(RangeFinish, m, names)
#define ROW_Peak(m) ROW(Peak, m)
#define NAMED_Peak(m, names) NAMED(Peak, m, names)
#define ROW_PanelLayout(m) ROW(PanelLayout, m)
#define NAMED_PanelLayout(m, names) NAMED(PanelLayout, m, names)
#define TABLE(Type) \
    static const DescriptionField fields_##Type[] = {FIELDS_##Type(ROW_##Type, NAMED_##Type)};
TABLE(Contract)
TABLE(Attention)
TABLE(AttnPart)
TABLE(Map)
TABLE(Sums)
TABLE(GroupFinish)
TABLE(RangeFinish)
TABLE(Peak)
TABLE(PanelLayout)

DescriptionFields description_fields(KernelKind kind)
{
    static const DescriptionFields of[KERNEL_KINDS] = {
#define KERNEL(e, name, description, ...) \
    [KERNEL_##e] = {fields_##description, sizeof fields_##description / sizeof(DescriptionField)},
#include "kernels.def"
#undef KERNEL
    };
    return of[kind];
}

DescriptionFields panel_layout_fields(void)
{
    return (DescriptionFields){fields_PanelLayout,
                               sizeof fields_PanelLayout / sizeof fields_PanelLayout[0]};
}

static int64_t integer_of(const DescriptionField *f, const void *description)
{
    const char *p = (const char *)description + f->offset;
    int n;
    int64_t wide;
    if (f->type == FIELD_INT) {
        memcpy(&n, p, sizeof n);
        return n;
    }
    memcpy(&wide, p, sizeof wide);
    return wide;
}

static double real_of(const DescriptionField *f, const void *description)
{
    double x;
    memcpy(&x, (const char *)description + f->offset, sizeof x);
    return x;
}

/* 64, 0.5, upsample */
static void print_value(Buf *out, const DescriptionField *f, const void *description)
{
    if (f->type == FIELD_REAL) {
        buf_real(out, real_of(f, description));
        return;
    }
    int64_t x = integer_of(f, description);
    if (f->names)
        buf_printf(out, "%s", f->names[x]);
    else
        buf_printf(out, "%lld", (long long)x);
}

/* Zero, and not the name of something: `kernels=packed` is printed, `winograd=none` is not. */
static bool is_absent(const DescriptionField *f, const void *description)
{
    if (f->type == FIELD_REAL)
        return real_of(f, description) == 0;
    return integer_of(f, description) == 0 && !(f->names && strcmp(f->names[0], "none"));
}

void description_print(Buf *out, DescriptionFields fields, const void *description)
{
    int n = 0;
    for (int i = 0; i < fields.n; i++) {
        const DescriptionField *f = &fields.fields[i];
        if (is_absent(f, description))
            continue;
        buf_printf(out, "%s%s=", n++ ? ", " : " {", f->name);
        print_value(out, f, description);
    }
    if (n)
        buf_add(out, "}", 1);
}

void description_set(const DescriptionField *f, void *description, double real, int64_t integer)
{
    char *p = (char *)description + f->offset;
    int narrow = (int)integer;
    switch (f->type) {
    case FIELD_INT: memcpy(p, &narrow, sizeof narrow); return;
    case FIELD_I64: memcpy(p, &integer, sizeof integer); return;
    case FIELD_REAL: memcpy(p, &real, sizeof real); return;
    }
}
