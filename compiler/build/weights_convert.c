/* latentc weights convert: the same weights under the names and in the layout of another scheme.
 * One tensor after the other is in memory. */
#include "weights_convert.h"
#include "safetensors.h"
#include "schemes.h"
#include "stored.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is written
 * ----------------------------------------------------------------------------------------------------------------
 */

static StDtype dtype_of(const char *text)
{
    static const struct {
        const char *name;
        StDtype dtype;
    } types[] = {{"f32", ST_F32}, {"f16", ST_F16}, {"bf16", ST_BF16}};
    for (size_t i = 0; text && i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(text, types[i].name))
            return types[i].dtype;
    if (text)
        usage_err("weights convert --dtype: expected f32, f16 or bf16, found \"%s\"", text);
    return ST_OTHER; /* as it is stored */
}

static Written *written_of(Conversion *v, const char *name)
{
    for (int i = v->n; i-- > 0;)
        if (!strcmp(v->list[i].entry.name, name))
            return &v->list[i];
    return NULL;
}

/* The stored tensor that one weight becomes, or becomes part of. */
static void add_weight(Conversion *v, SubjectModel *m, const Tensor *t, const Counts *n,
                       StDtype dtype)
{
    Place p;
    const char *path = t->parts[0].path;
    if (!v->scheme->spell(v->scheme, NULL, &(WeightName){m->graph->name, path, n}, 0, &p))
        err("%s/%s has no name in %s", m->graph->name, path, v->scheme->name);
    Written *w = written_of(v, p.name);
    if (!w) {
        w = &v->list[v->n++];
        *w = (Written){.model = m, .shape = t->shape, .parts = p.parts};
        StDtype stored = weights_dtype(m->weights, m->graph, path);
        w->entry = (StEntry){.name = arena_strdup(v->subject->arena, p.name),
                             .dtype = dtype != ST_OTHER  ? dtype
                                      : stored == ST_F64 ? ST_F32
                                                         : stored};
        w->entry.rank = scheme_shape(v->scheme, path, &t->shape, &p, w->entry.dim);
    }
    w->path[p.part] = path;
}

/* bf16: may there be such numbers? Otherwise they become f32. */
static void list_weights(Conversion *v, StDtype dtype, bool bf16)
{
    size_t most = 0;
    for (int i = 0; i < v->subject->n; i++)
        most += v->subject->model[i].graph->n_tensors;
    v->list = arena_alloc(v->subject->arena, (most + 1) * sizeof *v->list);
    for (int i = 0; i < v->subject->n; i++) {
        SubjectModel *m = &v->subject->model[i];
        Counts n = counts_of(m->graph);
        for (uint32_t k = 0; k < m->graph->n_tensors && m->here; k++)
            if (m->graph->tensors[k].kind == T_WEIGHT)
                add_weight(v, m, &m->graph->tensors[k], &n, dtype);
    }
    for (int i = 0; i < v->n; i++) {
        Written *w = &v->list[i];
        if (w->entry.dtype == ST_BF16 && !bf16)
            w->entry.dtype = ST_F32;
        v->bytes += (double)shape_count(&w->shape) * w->parts * (double)stored_size(w->entry.dtype);
    }
}

/* ---- one tensor
 * ---------------------------------------------------------------------------------------------------------------------
 */

static float *room(float **at, size_t *have, size_t floats)
{
    if (*have < floats) {
        free(*at);
        *at = xmalloc(floats * sizeof **at);
        *have = floats;
    }
    return *at;
}

static void put(Conversion *v, const Written *w, const float *x, int64_t n)
{
    enum { RUN = 1 << 20 };
    static float encoded[RUN];
    for (int64_t at = 0; at < n; at += RUN) {
        int64_t count = n - at < RUN ? n - at : RUN,
                bad = stored_encode(w->entry.dtype, x + at, count, encoded);
        size_t bytes = (size_t)count * stored_size(w->entry.dtype);
        if (bad >= 0)
            err("%s: tensor \"%s\": %g is too large for %s", v->out, w->entry.name,
                (double)x[at + bad], st_dtype_name(w->entry.dtype));
        v->put(v->into, encoded, bytes);
        v->done += (double)bytes;
    }
    lrt_progress_step(&v->bar, (int)(v->done / 1e6));
}

void conversion_write(Conversion *v, const Written *w)
{
    int64_t n = shape_count(&w->shape), out = shape_channels(&w->shape),
            taps = w->shape.rank == 4 ? w->shape.dim[0] * w->shape.dim[1] : 1;
    for (int k = 0; k < w->parts; k++) {
        float *x = room(&v->read, &v->read_floats, (size_t)n);
        if (!weights_read_as(w->model->weights, w->model->graph, v->scheme, w->path[k], &w->shape,
                             x)) {
            float *to = room(&v->turned, &v->turned_floats, (size_t)n);
            stored_restore(x, (KernelShape){out, n / out / taps, taps}, to);
            x = to;
        }
        put(v, w, x, n);
    }
}

/* ---- forms
 * --------------------------------------------------------------------------------------------------------------------------
 */

static void to_safetensors(void *into, const void *data, size_t bytes)
{
    st_writer_put(into, data, bytes);
}

/* The members of the list that belong into one file, without the first `skip` bytes of their names.
 */
void conversion_file(Conversion *v, const char *path, const char *prefix, const char *const *meta,
                     size_t n_meta)
{
    StEntry *e = xcalloc((size_t)v->n + 1, sizeof *e);
    size_t n = 0, skip = strlen(prefix);
    for (int i = 0; i < v->n; i++)
        if (!strncmp(v->list[i].entry.name, prefix, skip)) {
            e[n] = v->list[i].entry;
            e[n++].name += skip;
        }
    if (n) {
        v->put = to_safetensors;
        v->into = st_writer_open(path, e, n, meta, n_meta);
        for (int i = 0; i < v->n; i++)
            if (!strncmp(v->list[i].entry.name, prefix, skip))
                conversion_write(v, &v->list[i]);
        st_writer_commit(v->into);
    }
    free(e);
}

/* What the checkpoint says beyond numbers goes along, so that the converted file gives the same
 * picture. */
static void write_latentc(Conversion *v)
{
    const Checkpoint *c = v->subject->checkpoint;
    const char *settings = c && json_ok(c->settings) ? json_text(c->settings) : NULL;
    const char *meta[] = {"format", "latentc", "latentc.settings", settings};
    conversion_file(v, v->out, "", meta, settings ? 2 : 1);
}

static void write_ldm(Conversion *v)
{
    const char *prediction = v->subject->pipeline->schedule.prediction == LRT_PREDICT_V ? "v"
                                                                                        : "epsilon";
    const char *meta[] = {"format", "pt", "modelspec.prediction_type", prediction};
    conversion_file(v, v->out, "", meta, 2);
}

typedef struct {
    const char *name, *scheme, *what;
    bool bf16; /* does it have such numbers? */
    void (*write)(Conversion *v);
} Form;
/* clang-format off */
static const Form forms[] = {
    {"latentc", "latentc", "one safetensors file, names as in the graphs", true, write_latentc},
    {"diffusers", "diffusers", "a folder that diffusers reads", true, diffusers_write},
    {"ldm", "ldm", "one safetensors file, names as in the original program", true, write_ldm},
    {"keras", "keras", "a folder of .h5 as before Keras 3, or one model's .h5", false, keras_write},
    {"keras3", "keras", "a folder of .weights.h5, or one model's", false, keras3_write},
    {"packed", NULL, "one file that a generator reads", true, NULL}, /* packed_write */
};
/* clang-format on */
enum { N_FORMS = sizeof forms / sizeof forms[0] };

static const Form *form_of(const char *name)
{
    const char *names[N_FORMS], *list = "";
    Arena *a = arena_new();
    for (int i = 0; i < N_FORMS; i++) {
        names[i] = forms[i].name;
        list = arena_printf(a, "%s%s%s", list, i ? ", " : "", names[i]);
        if (name && !strcmp(name, names[i]))
            return &forms[i];
    }
    if (!name)
        usage_err("weights convert: --to FORM is missing: %s", list);
    const char *near = nearest_word(name, names, N_FORMS);
    usage_err("weights convert --to %s: expected %s%s%s%s", name, list,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* What the command line says. Flags beside --to packed decide how weights are packed. */
typedef struct {
    const char *arguments[2], *out, *to, *vocab;
    PipelineFlags of;
} Asked;

/* Flags that only --to packed has a use for. */
static void refuse_given(const Flag *f, int n)
{
    for (int i = 0; i < n; i++)
        if (f[i].name && (f[i].kind == FLAG_BOOL   ? *(bool *)f[i].into
                          : f[i].kind == FLAG_LIST ? ((FlagList *)f[i].into)->n > 0
                                                   : *(const char **)f[i].into != NULL))
            usage_err("weights convert: --%s goes with --to packed alone", f[i].name);
}

static const Form *parse(int argc, char **argv, Asked *q)
{
    WeightFlags *w = &q->of.weights;
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("Form", "latentc weights convert sd2-folder --to ldm --dtype f16 -o sd2.safetensors"),
        {"output", 'o', FLAG_STRING, &q->out, "OUT", "the file or folder to write", 0, 0},
        {"to", 0, FLAG_STRING, &q->to, "FORM", "latentc, diffusers (a folder), ldm (one file), keras or keras3 (.h5), or packed", 0, 0},
        {"dtype", 0, FLAG_STRING, &q->of.code.dtype, "TYPE", "f32, f16 or bf16; default: each tensor as it is stored; packed: f32 (default) or bf16", 0, 0},
        {"variant", 0, FLAG_STRING, &w->variant, "NAME", "of a diffusers folder's files, e.g. fp16", 0, 0},
        FLAG_GROUP("Packed alone", "latentc weights convert finetuned.safetensors --to packed --sizes 512x512,768x512 -o finetuned.weights"),
        {"weights", 0, FLAG_LIST, &w->specs, "[MODEL=]SPEC", "another checkpoint for one of the models", 0, 0},
        {"offline", 0, FLAG_BOOL, &w->offline, NULL, "nothing is downloaded", 0, 0},
        {"vocab", 0, FLAG_STRING, &q->vocab, "FILE", "puts the vocabulary in, as libraries of --emit a need it", 0, 0},
        SIZE_FLAGS(&q->of),
        CODE_FLAGS_BUT_DTYPE(&q->of.code, "latentc weights convert finetuned.safetensors --to packed --dtype bf16 --target x86-64-v4 -o finetuned.weights"),
    };
    /* clang-format on */
    enum { OWN = 5, N = sizeof flags / sizeof flags[0] };
    const Command command = {
        "latentc weights convert SPEC [PIPELINE.json] -o OUT --to FORM",
        "Writes a checkpoint's weights in another form. SPEC may be synthetic:SEED. Without PIPELINE.json: Stable Diffusion 2.\n"
        "  latentc weights convert sd2-folder --to ldm --dtype f16 -o sd2.safetensors\n"
        "Packed weights are the file that latentc build --weights-file makes with the same flags, for the same generators:\n"
        "  latentc weights convert finetuned.safetensors --to packed --dtype bf16 -o finetuned.weights",
        flags,
        N,
        1,
        2,
        q->arguments};
    flags_parse(&command, argc, argv);
    if (!q->out)
        usage_err("weights convert: -o OUT is missing");
    const Form *form = form_of(q->to);
    if (form->scheme)
        refuse_given(flags + OWN, N - OWN);
    return form;
}

static void convert(const Asked *q, const Form *form)
{
    Conversion v = {.out = q->out};
    StDtype type = dtype_of(q->of.code.dtype);
    if (!form->bf16 && type == ST_BF16)
        usage_err("weights convert: Keras' files have no bf16: give --dtype f32 or f16");
    Subject s = subject_open(q->arguments[0], q->arguments[1], q->of.weights.variant);
    v.subject = &s;
    v.scheme = scheme_find(form->scheme);
    if (!s.n_here)
        err("%s: has no weights of %s", q->arguments[0], s.file);
    for (int i = 0; i < s.n; i++)
        if (s.model[i].here)
            weights_check(s.model[i].weights, s.model[i].graph);
    list_weights(&v, type, form->bf16);
    double start = lrt_now();
    lrt_progress_begin_bytes(&v.bar, "converting", v.bytes);
    form->write(&v);
    lrt_progress_end(&v.bar);
    fprintf(stderr, "%s: %d tensors, %.1f MB, %.1f s\n", v.out, v.n, v.bytes / 1e6,
            lrt_now() - start);
    free(v.read);
    free(v.turned);
    subject_close(&s);
}

int weights_convert(int argc, char **argv)
{
    Asked q = {0};
    const Form *form = parse(argc, argv, &q);
    Arena *a = arena_new();
    if (form->scheme)
        convert(&q, form);
    else
        packed_write(q.arguments[0], q.arguments[1] ? q.arguments[1] : default_pipeline(a), q.out,
                     q.of, q.vocab);
    arena_free(a);
    return EXIT_OK;
}
