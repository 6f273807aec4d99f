/* The table of kernel kinds, and the rules that its rows name. */
#include "kernel_kind.h"
#include "contract_of.h"
#include "err.h"
#include <string.h>

const char *const kernel_kind_names[KERNEL_KINDS] = {
#define KERNEL(e, name, ...) [KERNEL_##e] = name,
#include "kernels.def"
#undef KERNEL
};

size_t kernel_description_bytes(KernelKind kind)
{
    static const size_t bytes[KERNEL_KINDS] = {
#define KERNEL(e, name, description, ...) [KERNEL_##e] = sizeof(description),
#include "kernels.def"
#undef KERNEL
    };
    return bytes[kind];
}

/* ---- rules: on entry t->round == t->first == all tasks ---- */

/* Strips run fastest: column slice after column slice, all strips of each. A flat strip may hold
 * pixels of several images. */
static void first_of_strips(const Contract *c, int64_t batch, FirstTasks *t)
{
    (void)batch;
    t->round = contract_strips(c);
    t->first = c->strips_b > 1 ? t->round / c->strips_b
               : c->flat       ? ceil_div(c->oh * c->ow, c->pixels)
                               : t->round;
}

static void all_of_weights(const Contract *c, int64_t batch, FirstTasks *t)
{
    (void)c, (void)batch, (void)t;
}

/* Tasks in the order of batch elements, equally many for each. */
static void equal_share(int64_t batch, FirstTasks *t) { t->first = t->round / batch; }

static void first_of_attention(const Attention *a, int64_t batch, FirstTasks *t)
{
    (void)a;
    equal_share(batch, t);
}

/* Keys and values of batch 1 serve all batch elements. */
static void first_of_packed_keys(const Attention *a, int64_t batch, FirstTasks *t)
{
    if (a->sk || a->sv)
        equal_share(batch, t);
}

static void first_of_attn_part(const AttnPart *a, int64_t batch, FirstTasks *t)
{
    (void)a;
    equal_share(batch, t);
}

/* A task's rows may end in the next batch element. */
static void first_of_rows(const Map *m, int64_t batch, FirstTasks *t)
{
    t->first = ceil_div(m->rows / batch, m->per);
}

static void first_of_sums(const Sums *s, int64_t batch, FirstTasks *t)
{
    if (s->batch != 1)
        equal_share(batch, t);
}

static void first_of_groups(const GroupFinish *g, int64_t batch, FirstTasks *t)
{
    (void)g;
    equal_share(batch, t);
}

static void first_of_ranges(const RangeFinish *g, int64_t batch, FirstTasks *t)
{
    (void)g;
    equal_share(batch, t);
}

static void all_of_peak(const Peak *p, int64_t batch, FirstTasks *t)
{
    (void)p, (void)batch, (void)t;
}

FirstTasks kernel_first_tasks(KernelKind kind, const void *description, int64_t batch,
                              int64_t tasks)
{
    FirstTasks t = {tasks, tasks};
    if (batch == 1)
        return t;
    switch (kind) {
#define KERNEL(e, name, type, emitter, rule, ...) \
    case KERNEL_##e:                              \
        rule(description, batch, &t);             \
        break;
#include "kernels.def"
#undef KERNEL
    case KERNEL_KINDS: die("no such kind of kernel");
    }
    return t;
}

/* ---- names of functions ---- */

static void words_of_products(const Contract *c, const char *text, Buf *out)
{
    (void)text;
    contract_words(c, out);
}

static void words_of_inputs(const Contract *c, const char *text, Buf *out)
{
    (void)text;
    contract_words(c, out);
    buf_printf(out, " inputs");
}

static void words_of_unpacked(const Contract *c, const char *text, Buf *out)
{
    (void)text;
    contract_words(c, out);
    buf_printf(out, " kernels");
}

static void words_of_text(const void *d, const char *text, Buf *out)
{
    (void)d;
    size_t n = strcspn(text, " ");
    for (; *text; text += n, text += strspn(text, " "), n = strcspn(text, " "))
        if (n != 4 || memcmp(text, "bf16", 4) != 0) /* the type says so */
            buf_printf(out, " %.*s", (int)n, text);
}

/* Appends words as parts of a name: letters and digits, with _ between. */
static void add_words(const char *words, Buf *out)
{
    for (const char *c = words; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
        if (letter)
            buf_printf(out, "%c", *c);
        else if (out->data[out->len - 1] != '_')
            buf_printf(out, "_");
    }
}

void kernel_symbol(KernelKind kind, const void *description, const char *text, Buf *out)
{
    Buf words = {0};
    const char *numbers = NULL;
    switch (kind) {
#define KERNEL(e, name, type, emitter, rule, expression, write) \
    case KERNEL_##e: {                                          \
        const type *d = description;                            \
        numbers = expression;                                   \
        write(d, text, &words);                                 \
        break;                                                  \
    }
#include "kernels.def"
#undef KERNEL
    case KERNEL_KINDS: die("no such kind of kernel");
    }
    buf_printf(out, "lc_%s_", numbers);
    add_words(words.data ? words.data : "", out);
    buf_free(&words);
}
