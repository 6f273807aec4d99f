/* See program_text.h. Reading is in program_parse.c. */
#include "program_text.h"
#include "description.h"
#include "print.h"
#include <string.h>

const char *const plan_names[PLAN_COUNT] = {"prompt", "time", "interval", "step"};
const char *const pack_names[PACK_KINDS] = {"raw", "bf16", "panels", "bias"};
const char *const buffer_names[LRT_BUF_IO + 1] = {"weights", "arena",    "prompt",
                                                  "time",    "interval", "io"};

static void print_quoted(Buf *out, const char *name, const char *text)
{
    if (!text)
        return;
    buf_printf(out, " %s=", name);
    buf_quoted(out, text);
}

static void print_real(Buf *out, const char *name, double x)
{
    buf_printf(out, " %s=", name);
    buf_real(out, x);
}

static void print_mem(Buf *out, const Mem *m, uint32_t index)
{
    buf_printf(out, "mem %u ", index);
    if (m->buffer >= LRT_BUF_IO)
        buf_printf(out, "io%u", m->buffer - LRT_BUF_IO);
    else
        buf_printf(out, "%s", buffer_names[m->buffer]);
    buf_printf(out, " offset=%lld bytes=%lld", (long long)m->offset, (long long)m->bytes);
    if (m->first < 0)
        buf_printf(out, " unused\n");
    else
        buf_printf(out, " steps=%d..%d\n", m->first, m->last);
}

static void print_packed(Buf *out, const Stage *s, const Packed *x)
{
    buf_printf(out, "packed %s ", pack_names[x->kind]);
    graph_print_weight(out, tensor(s->graph, x->tensor));
    buf_printf(out, " offset=%lld floats=%lld mem=%u%s", (long long)x->offset, (long long)x->floats,
               x->mem, x->shared ? " shared" : "");
    description_print(out, panel_layout_fields(), &x->layout);
    buf_printf(out, "\n");
}

static void print_step(Buf *out, const Step *s)
{
    buf_printf(out, "step %s k%d ", plan_names[s->plan], s->kernel);
    buf_quoted(out, s->kind);
    buf_printf(out, " @");
    buf_quoted(out, s->name);
    for (int i = 0; i < s->n_args; i++)
        buf_printf(out, "%sm%u", i ? " " : " (", s->args[i]);
    buf_printf(out, ") tasks=%lld round=%lld first=%lld", (long long)s->tasks, (long long)s->round,
               (long long)s->first);
    print_real(out, "flops", s->flops);
    print_real(out, "bytes", s->bytes);
    print_real(out, "done", s->done);
    if (s->products != PRODUCTS_F32)
        buf_printf(out, " %s", product_names[s->products]);
    buf_printf(out, "\n");
}

static void print_io(Buf *out, const char *what, const StageIo *io)
{
    buf_printf(out, "%s %s %s", what, io->name, dtype_name(io->dtype));
    graph_print_shape(out, &io->shape);
}

static void print_stage(Buf *out, const Stage *s)
{
    buf_printf(out, "stage %s\n", s->graph->name);
    for (uint32_t i = 0; i < s->n_inputs; i++) {
        print_io(out, "input", &s->inputs[i]);
        buf_printf(out, " %s\n", binding_name(s->inputs[i].binding));
    }
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        print_io(out, "output", &s->outputs[i]);
        buf_printf(out, "\n");
    }
    buf_printf(out, "weights offset=%lld bytes=%lld shared=%lld\n", (long long)s->weights_offset,
               (long long)s->weights_bytes, (long long)s->weights_shared);
    buf_printf(out, "memory arena=%lld unshared=%lld prompt=%lld time_row=%lld scratch=%lld",
               (long long)s->arena_bytes, (long long)s->arena_bytes_unshared,
               (long long)s->prompt_bytes, (long long)s->time_row_bytes,
               (long long)s->scratch_bytes);
    if (s->interval_bytes)
        buf_printf(out, " interval=%lld level=%d", (long long)s->interval_bytes,
                   s->graph->cache_level);
    buf_printf(out, "\n");
    for (uint32_t i = 0; i < s->n_mems; i++)
        print_mem(out, &s->mems[i], i);
    for (int i = 0; i < s->n_packed; i++)
        print_packed(out, s, &s->packed[i]);
    for (int i = 0; i < s->n_steps; i++)
        print_step(out, &s->steps[i]);
}

void program_print(const Program *p, Buf *out)
{
    buf_printf(out, "program %s %s", p->target->name, p->bf16 ? "bf16" : "f32");
    print_quoted(out, "made_from", p->made_from);
    print_quoted(out, "options", p->options);
    buf_printf(out, "\n");
    for (int i = 0; i < p->n_kernels; i++) {
        const Kernel *k = &p->kernels[i];
        buf_printf(out, "kernel %d %s %s", i, kernel_kind_names[k->kind], k->name);
        description_print(out, description_fields(k->kind), k->description);
        buf_printf(out, "\n");
    }
    for (int i = 0; i < p->n_stages; i++)
        print_stage(out, p->stages[i]);
}

bool program_text_begins(const char *text) { return strncmp(text, "program ", 8) == 0; }
