/* Reads the text form of a lowered program: see program_text.h. */
#include "cache.h"
#include "construct.h"
#include "description.h"
#include "param.h"
#include "print.h"
#include "program_text.h"
#include "text_reader.h"
#include "alloc.h"
#include "files.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

enum { MOST_BYTES_LOG2 = 50 };
static const int64_t most_bytes = (int64_t)1 << MOST_BYTES_LOG2, most_count = 1 << 24;

typedef struct {
    TextReader in;
    Program *p;
    /* The stage that is being read; NULL before the first one. */
    Stage *s;
} Reader;

/* The index of a word among n names. */
static int choice(TextReader *t, const char *const *names, int n, const char *what)
{
    text_blanks(t);
    const char *start = t->p, *word = text_word(t, what);
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    t->p = start;
    text_fail(t, arena_printf(t->scratch, "%s such as %s", what, names[0]));
}

/* "name=" and an integer from least to most. */
static int64_t number(TextReader *t, const char *name, int64_t least, int64_t most)
{
    text_expect(t, name);
    text_expect(t, "=");
    return text_integer(t, least, most);
}

static double real(TextReader *t, const char *name)
{
    text_expect(t, name);
    text_expect(t, "=");
    return text_real(t);
}

static const char *own(Reader *r, const char *text)
{
    return arena_strdup(r->s->graph->arena, text);
}

/* The field that is named next, "part[0].batch=". NULL: none is. */
static const DescriptionField *field(TextReader *t, DescriptionFields fields)
{
    text_blanks(t);
    for (int i = 0; i < fields.n; i++) {
        size_t n = strlen(fields.fields[i].name);
        if (strncmp(t->p, fields.fields[i].name, n) == 0 && t->p[n] == '=') {
            t->p += n + 1;
            return &fields.fields[i];
        }
    }
    return NULL;
}

/* Reads the value of a field, and sets it. */
static void field_value(TextReader *t, const DescriptionField *f, void *to)
{
    int64_t most = f->type == FIELD_INT ? INT32_MAX : INT64_MAX;
    if (f->type == FIELD_REAL)
        description_set(f, to, text_real(t), 0);
    else if (f->names)
        description_set(
            f, to, 0,
            choice(t, f->names, f->n_names, arena_printf(t->scratch, "a value of %s", f->name)));
    else
        description_set(f, to, 0, text_integer(t, -most, most));
}

static void description(TextReader *t, DescriptionFields fields, void *to)
{
    if (!text_accept(t, "{"))
        return;
    do {
        const DescriptionField *f = field(t, fields);
        if (!f)
            text_fail(t, arena_printf(t->scratch, "a field such as %s=", fields.fields[0].name));
        field_value(t, f, to);
    } while (text_accept(t, ","));
    text_expect(t, "}");
}

static void header(Reader *r)
{
    TextReader *t = &r->in;
    int n;
    const Target *table = target_table(&n);
    const char *names[64];
    for (int i = 0; i < n && i < 64; i++)
        names[i] = table[i].name;
    text_expect(t, "program ");
    text_blanks(t);
    size_t length = strcspn(t->p, " \n");
    int chosen = 0;
    while (chosen < n && (strlen(names[chosen]) != length || strncmp(names[chosen], t->p, length)))
        chosen++;
    if (chosen == n)
        text_fail(t, "a target such as x86-64-v3");
    t->p += length;
    static const char *const types[] = {"f32", "bf16"};
    bool bf16 = choice(t, types, 2, "a type") == 1;
    r->p = program_new(&table[chosen], FUSE_ALL, CONV_AUTO, bf16);
    if (text_accept(t, "made_from="))
        r->p->made_from = xstrdup(text_quoted(t));
    if (text_accept(t, "options="))
        r->p->options = xstrdup(text_quoted(t));
}

static void kernel_line(Reader *r)
{
    TextReader *t = &r->in;
    text_integer(t, r->p->n_kernels, r->p->n_kernels);
    KernelKind kind = (KernelKind)choice(t, kernel_kind_names, KERNEL_KINDS, "a kind of kernel");
    const char *name = text_word(t, "the name of a function");
    void *d = xcalloc(1, kernel_description_bytes(kind));
    description(t, description_fields(kind), d);
    if (program_kernel(r->p, kind, d, "") != r->p->n_kernels - 1)
        text_fail(t, "a description that no kernel above has");
    snprintf(r->p->kernels[r->p->n_kernels - 1].name, sizeof r->p->kernels[0].name, "%s", name);
    free(d);
}

static void stage_line(Reader *r)
{
    if (r->p->n_stages == MOST_STAGES)
        text_fail(&r->in, arena_printf(r->in.scratch, "at most %d stages", MOST_STAGES));
    r->s = xcalloc(1, sizeof *r->s);
    r->s->graph = graph_new(text_word(&r->in, "the stage's name"));
    r->s->graph->file = arena_strdup(r->s->graph->arena, r->in.file);
    r->p->stages[r->p->n_stages++] = r->s;
}

static StageIo io(Reader *r)
{
    TextReader *t = &r->in;
    StageIo x = {.name = own(r, text_word(t, "a name"))};
    x.dtype = text_dtype(t);
    x.shape = text_shape(t);
    return x;
}

static void input_line(Reader *r)
{
    StageIo x = io(r);
    text_blanks(&r->in);
    const char *start = r->in.p;
    if (!binding_parse(text_word(&r->in, "step, time, prompt or never"), &x.binding)) {
        r->in.p = start;
        text_fail(&r->in, "step, time, prompt or never");
    }
    if (r->s->n_inputs == MOST_IO)
        text_fail(&r->in, "fewer inputs");
    graph_add_input(r->s->graph, x.name, x.dtype, x.shape, x.binding);
    r->s->inputs[r->s->n_inputs++] = x;
}

static void output_line(Reader *r)
{
    StageIo x = io(r);
    if (r->s->n_outputs == MOST_IO)
        text_fail(&r->in, "fewer outputs");
    r->s->outputs[r->s->n_outputs++] = x;
}

static void weights_line(Reader *r)
{
    r->s->weights_offset = number(&r->in, "offset", 0, most_bytes);
    r->s->weights_bytes = number(&r->in, "bytes", 0, most_bytes);
    r->s->weights_shared = number(&r->in, "shared", 0, most_bytes);
    int64_t end = r->s->weights_offset + (r->s->weights_bytes + 4095) / 4096 * 4096;
    if (end > r->p->weights_bytes)
        r->p->weights_bytes = end;
}

static void memory_line(Reader *r)
{
    r->s->arena_bytes = number(&r->in, "arena", 0, most_bytes);
    r->s->arena_bytes_unshared = number(&r->in, "unshared", 0, most_bytes);
    r->s->prompt_bytes = number(&r->in, "prompt", 0, most_bytes);
    r->s->time_row_bytes = number(&r->in, "time_row", 0, most_bytes);
    r->s->scratch_bytes = number(&r->in, "scratch", 0, most_bytes);
    if (text_accept(&r->in, "interval=")) {
        r->s->interval_bytes = text_integer(&r->in, 0, most_bytes);
        r->s->graph->cache_level = (int)number(&r->in, "level", 1, MOST_CACHE_LEVEL);
    }
}

static uint32_t buffer(TextReader *t)
{
    if (text_accept(t, "io"))
        return (uint32_t)(LRT_BUF_IO + text_integer(t, 0, 2 * MOST_IO - 1));
    return (uint32_t)choice(t, buffer_names, LRT_BUF_IO, "a buffer");
}

static void mem_line(Reader *r)
{
    TextReader *t = &r->in;
    text_integer(t, r->s->n_mems, r->s->n_mems);
    Mem m = {.first = -1, .last = -1, .buffer = buffer(t)};
    m.offset = number(t, "offset", 0, most_bytes);
    m.bytes = number(t, "bytes", 0, most_bytes);
    if (!text_accept(t, "unused")) {
        m.first = (int)number(t, "steps", 0, most_count);
        text_expect(t, "..");
        m.last = (int)text_integer(t, m.first, most_count);
    }
    stage_add_mem(r->s, m);
}

static uint32_t mem_index(Reader *r)
{
    return (uint32_t)text_integer(&r->in, 0, (int64_t)r->s->n_mems - 1);
}

static void packed_line(Reader *r)
{
    TextReader *t = &r->in;
    Packed x;
    memset(&x, 0, sizeof x);
    x.kind = (PackKind)choice(t, pack_names, PACK_KINDS, "a form of weights");
    text_expect(t, "w");
    x.tensor = text_weight(t, r->s->graph);
    x.offset = number(t, "offset", 0, most_bytes);
    x.floats = number(t, "floats", 1, most_bytes);
    text_expect(t, "mem=");
    x.mem = mem_index(r);
    x.shared = text_accept(t, "shared");
    description(t, panel_layout_fields(), &x.layout);
    stage_add_packed(r->s, &x);
}

static void step_line(Reader *r)
{
    TextReader *t = &r->in;
    Step s = {.plan = choice(t, plan_names, PLAN_COUNT, "a plan")};
    text_expect(t, "k");
    s.kernel = (int)text_integer(t, 0, r->p->n_kernels - 1);
    s.kind = own(r, text_quoted(t));
    text_expect(t, "@");
    s.name = own(r, text_quoted(t));
    text_expect(t, "(");
    while (text_accept(t, "m")) {
        if (s.n_args == LRT_MAX_ARGS)
            text_fail(t, arena_printf(t->scratch, "at most %d operands", LRT_MAX_ARGS));
        s.args[s.n_args++] = mem_index(r);
    }
    text_expect(t, ")");
    s.tasks = number(t, "tasks", 1, UINT32_MAX);
    s.round = number(t, "round", 1, s.tasks);
    s.first = number(t, "first", 1, s.round);
    s.flops = real(t, "flops");
    s.bytes = real(t, "bytes");
    s.done = real(t, "done");
    for (int i = PRODUCTS_BF16; i < PRODUCTS_KINDS; i++)
        if (text_accept(t, product_names[i]))
            s.products = (Products)i;
    stage_add_step(r->s, &s);
}

/* How lines begin; but for kernels and stages they belong to the stage above. */
static const struct {
    const char *begins;
    bool of_stage;
    void (*read)(Reader *r);
} lines[] = {
    /* clang-format off */
    {"kernel ",  false, kernel_line},
    {"stage ",   false, stage_line},
    {"input ",   true,  input_line},
    {"output ",  true,  output_line},
    {"weights ", true,  weights_line},
    {"memory ",  true,  memory_line},
    {"mem ",     true,  mem_line},
    {"packed ",  true,  packed_line},
    {"step ",    true,  step_line},
    /* clang-format on */
};
enum { N_LINES = sizeof lines / sizeof lines[0] };

static void line(Reader *r)
{
    for (int i = 0; i < N_LINES; i++) {
        if (lines[i].of_stage && !r->s)
            continue;
        if (text_accept(&r->in, lines[i].begins)) {
            lines[i].read(r);
            return;
        }
    }
    text_fail(&r->in, r->s ? "kernel, stage, input, output, weights, memory, mem, packed or step"
                           : "kernel or stage");
}

Program *program_parse(const char *text, const char *file)
{
    Reader r = {.in = text_reader(text, file)};
    text_next_line(&r.in);
    header(&r);
    for (text_end_of_line(&r.in); text_next_line(&r.in); text_end_of_line(&r.in))
        line(&r);
    if (!r.s)
        text_fail(&r.in, "a stage");
    text_end(&r.in);
    return r.p;
}

Program *program_open_text(const char *path)
{
    size_t n = strlen(path);
    if (n < 4 || strcmp(path + n - 4, ".txt") != 0)
        return NULL;
    char *text = read_file(path, NULL);
    Program *p = program_text_begins(text) ? program_parse(text, path) : NULL;
    free(text);
    return p;
}

void program_close_text(Program *p)
{
    for (int i = 0; i < p->n_stages; i++)
        graph_free(p->stages[i]->graph);
    free((char *)p->made_from);
    free((char *)p->options);
    program_free(p);
}
