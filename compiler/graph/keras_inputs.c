/* See keras_inputs.h. */
#include "keras_inputs.h"

#include <string.h>

#include "err.h"
#include "keras_names.h"
#include "keras_rows.h"
#include "words.h"

static const KerasLayer *input_layer(const KerasModel *m, int i)
{
    const KerasLayer *l = &m->layers[m->inputs.args[i].layer];
    if (!json_ok(l->batch_shape))
        json_err(l->json, "layer %s (%s) is listed as an input, expected an InputLayer", l->name,
                 l->class_name);
    return l;
}

const char *keras_input_name(Arena *a, const KerasModel *m, int i)
{
    return keras_identifier(a, input_layer(m, i)->name);
}

/* What an InputLayer says. dim[i] 0: open. */
typedef struct {
    const KerasLayer *layer;
    /* in the file, and in the graph */
    const char *name, *called;
    Dtype dtype;
    Shape shape;
} Declared;

static Dtype input_dtype(const KerasLayer *l)
{
    static const char *const integers[] = {"int32", "int64"}, *const reals[] = {"float32"};
    Json j = json_ok(l->config) ? json_get(l->config, "dtype") : l->config;
    if (!json_ok(j))
        return DT_F32;
    if (json_kind(j) == JSON_OBJECT)
        j = json_need(json_need(j, "config"), "name");
    if (name_find(json_string(j), NAMES(integers, 2)) >= 0)
        return DT_I32;
    if (name_find(json_string(j), NAMES(reals, 1)) < 0)
        json_err(j, "input %s: dtype %s is not supported, expected float32, int32 or int64",
                 l->name, json_string(j));
    return DT_F32;
}

static void refuse_kinds(const KerasLayer *l)
{
    static const char *const kinds[] = {"sparse", "ragged"};
    for (int i = 0; i < 2; i++) {
        Json j = json_ok(l->config) ? json_get(l->config, kinds[i]) : l->config;
        if (json_ok(j) && json_kind(j) == JSON_BOOL && json_bool(j))
            json_err(j, "input %s: %s tensors are not supported, expected dense ones", l->name,
                     kinds[i]);
    }
}

static Declared declared(Arena *a, const KerasModel *m, int i)
{
    const KerasLayer *l = input_layer(m, i);
    Declared d = {.layer = l, .name = keras_input_name(a, m, i), .dtype = input_dtype(l)};
    d.called = d.name;
    refuse_kinds(l);
    json_expect(l->batch_shape, JSON_ARRAY);
    for (Json n = json_first(l->batch_shape); json_ok(n); n = json_next(n)) {
        if (d.shape.rank == MAX_RANK)
            json_err(l->batch_shape, "input %s: found %d dimensions, expected at most %d", l->name,
                     json_count(l->batch_shape), MAX_RANK);
        d.shape.dim[d.shape.rank++] = json_kind(n) == JSON_NULL ? 0 : json_int(n, 1, 1ll << 40);
    }
    if (!d.shape.rank)
        json_err(l->batch_shape, "input %s has no dimensions, expected a batch", l->name);
    return d;
}

/* ---- parameters ---- */

/* Parameters of one dimension that are not the batch, and which it is of. */
typedef struct {
    const char *name;
    int dim;
    /* what the value is divided by; 0: the input has no such dimension */
    int64_t (*divisor)(const Declared *d);
} SizeRow;

static int64_t of_image(const Declared *d)
{
    return d->shape.rank != 4 ? 0 : shape_channels(&d->shape) == 3 ? 1 : 8;
}

static int64_t of_text(const Declared *d)
{
    bool context = d->shape.rank == 3 && strcmp(d->called, "context") == 0;
    return context || (d->shape.rank == 2 && d->dtype == DT_I32);
}

static const SizeRow sizes[] = {
    {"img_height", 1, of_image}, {"img_width", 2, of_image}, {"max_text_length", 1, of_text}};
enum { N_SIZES = sizeof sizes / sizeof sizes[0] };

/* Parameters of one input: their names are these and the input's. */
static const char *const prefixes[] = {"input.", "varies.", "rename."};

int keras_parameters(Arena *a, const KerasModel *m, const char **names, int most)
{
    int n = 0;
    if (n < most)
        names[n++] = "batch";
    for (int k = 0; k < N_SIZES; k++)
        for (int i = 0; i < m->inputs.n_args && n < most; i++) {
            Declared d = declared(a, m, i);
            if (!sizes[k].divisor(&d))
                continue;
            names[n++] = sizes[k].name;
            break;
        }
    for (int i = 0; i < m->inputs.n_args; i++)
        for (int p = 0; p < 3 && n < most; p++)
            names[n++] = arena_printf(a, "%s%s", prefixes[p], keras_input_name(a, m, i));
    return n;
}

typedef struct {
    Reader *r;
    const KerasModel *model;
    const ParamSet *sets;
    int n_sets;
} Inputs;

/* The last one that was set; NULL: none. */
static const ParamSet *set_find(const Inputs *in, const char *name)
{
    for (int i = in->n_sets; i-- > 0;)
        if (strcmp(in->sets[i].name, name) == 0)
            return &in->sets[i];
    return NULL;
}

/* That of one input. */
static const ParamSet *set_of(const Inputs *in, const char *prefix, const char *input)
{
    return set_find(in, arena_printf(in->r->scratch, "%s%s", prefix, input));
}

static void expect_kind(const Inputs *in, const ParamSet *p, ParamKind kind)
{
    if (p->kind != kind)
        err("%s: parameter %s: found %s, expected %s", in->r->g->file, p->name,
            param_kind_text(p->kind), param_kind_text(kind));
}

/* err() if --varies gave it: of an input that is not there. */
static void check_varies(const Inputs *in, const char *set)
{
    const char *names[MAX_NAMES], *input = set + strlen("varies.");
    int n = 0;
    if (strncmp(set, "varies.", strlen("varies.")) != 0)
        return;
    while (n < in->model->inputs.n_args && n < MAX_NAMES) {
        names[n] = keras_input_name(in->r->scratch, in->model, n);
        n++;
    }
    err("%s: --varies: there is no input '%s': %s", in->r->g->file, input,
        name_hint(input, NAMES(names, n)));
}

static void check_sets(const Inputs *in)
{
    const char *names[MAX_NAMES];
    int n = keras_parameters(in->r->scratch, in->model, names, MAX_NAMES), shown = 0;
    for (int i = 0; i < in->n_sets; i++) {
        if (name_find(in->sets[i].name, NAMES(names, n)) >= 0)
            continue;
        check_varies(in, in->sets[i].name);
        /* what no --set gives is not proposed */
        for (int k = 0; k < n; k++)
            if (strncmp(names[k], "varies.", 7) != 0 && strncmp(names[k], "rename.", 7) != 0)
                names[shown++] = names[k];
        err("%s: unknown parameter '%s': %s", in->r->g->file, in->sets[i].name,
            name_hint(in->sets[i].name, NAMES(names, shown)));
    }
}

/* ---- sizes ---- */

static void check_given(const Inputs *in, const Declared *d, const ParamSet *p)
{
    const char *file = in->r->g->file;
    expect_kind(in, p, PARAM_INTS);
    if (p->n_ints != d->shape.rank)
        err("%s: parameter %s: found %d dimensions, expected %d", file, p->name, p->n_ints,
            d->shape.rank);
    int last = d->shape.rank - 1;
    if (last > 0 && d->shape.dim[last] && p->ints[last] != d->shape.dim[last] && d->dtype == DT_F32)
        err("%s: parameter %s: found %lld channels, expected %lld: weights depend on them", file,
            p->name, (long long)p->ints[last], (long long)d->shape.dim[last]);
}

static void size_by_parameters(const Inputs *in, Declared *d)
{
    for (int k = 0; k < N_SIZES; k++) {
        const ParamSet *p = set_find(in, sizes[k].name);
        int64_t by = sizes[k].divisor(d);
        if (!p || !by)
            continue;
        expect_kind(in, p, PARAM_INT);
        if (p->value < 1 || p->value % by)
            err("%s: parameter %s: found %lld, expected a multiple of %lld", in->r->g->file,
                p->name, (long long)p->value, (long long)by);
        d->shape.dim[sizes[k].dim] = p->value / by;
    }
}

static const char *dims_text(Arena *a, const Shape *s, int64_t batch)
{
    const char *text = arena_printf(a, "%lld", (long long)batch);
    for (int i = 1; i < s->rank; i++)
        text = s->dim[i] ? arena_printf(a, "%sx%lld", text, (long long)s->dim[i])
                         : arena_printf(a, "%sxN", text);
    return text;
}

/* The batch that a parameter gives. */
static int64_t given_batch(const Inputs *in, const ParamSet *p, int64_t batch)
{
    if (batch < 1)
        err("%s: parameter %s: found a batch of %lld, expected at least 1", in->r->g->file, p->name,
            (long long)batch);
    return batch;
}

/* The batch of all inputs: what is set, else what shapes of inputs have, else what the file fixes,
 * else 1. */
static int64_t find_batch(const Inputs *in, Declared *all)
{
    const ParamSet *set = set_find(in, "batch");
    int64_t batch = 0, fixed = 0;
    if (set) {
        expect_kind(in, set, PARAM_INT);
        batch = given_batch(in, set, set->value);
    }
    for (int i = 0; i < in->model->inputs.n_args; i++) {
        const ParamSet *p = set_of(in, "input.", all[i].name);
        if (p && p->kind == PARAM_INTS && p->n_ints && !set) {
            if (batch && p->ints[0] != batch)
                err("%s: parameter %s: found a batch of %lld, expected that of the others, %lld",
                    in->r->g->file, p->name, (long long)p->ints[0], (long long)batch);
            batch = given_batch(in, p, p->ints[0]);
        }
        fixed = all[i].shape.dim[0] ? all[i].shape.dim[0] : fixed;
    }
    batch = batch ? batch : fixed ? fixed : 1;
    for (int i = 0; i < in->model->inputs.n_args; i++)
        if (all[i].shape.dim[0] && all[i].shape.dim[0] != batch)
            json_err(all[i].layer->batch_shape,
                     "input %s: the batch is fixed at %lld, expected null or %lld", all[i].name,
                     (long long)all[i].shape.dim[0], (long long)batch);
    return batch;
}

static Shape input_shape(const Inputs *in, Declared *d, int64_t batch)
{
    Arena *a = in->r->scratch;
    const ParamSet *p = set_of(in, "input.", d->name);
    size_by_parameters(in, d);
    if (p) {
        check_given(in, d, p);
        for (int i = 1; i < d->shape.rank; i++)
            d->shape.dim[i] = p->ints[i];
    }
    for (int i = 1; i < d->shape.rank; i++)
        if (!d->shape.dim[i])
            json_err(
                d->layer->batch_shape,
                "input %s: its size is open, expected all of it: give --set input.%s=%s with numbers",
                d->name, d->name, dims_text(a, &d->shape, batch));
    d->shape.dim[0] = batch;
    const char *wrong = shape_check(a, &d->shape);
    if (wrong)
        err("%s: input %s: %s", in->r->g->file, d->name, wrong);
    return d->shape;
}

/* ---- how often inputs change ---- */

static Binding guess_binding(const char *name)
{
    static const struct {
        const char *name;
        Binding binding;
    } known[] = {
        {"latent", BIND_STEP}, {"timestep_embedding", BIND_TIME}, {"context", BIND_PROMPT}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].binding;
    return BIND_STEP;
}

static Binding input_binding(const Inputs *in, const Declared *d, const char **guessed)
{
    const ParamSet *p = set_of(in, "varies.", d->name);
    Binding b = guess_binding(d->called);
    if (!p) {
        *guessed = arena_printf(in->r->scratch, "%s%s%s %s", *guessed, **guessed ? ", " : "",
                                d->called, binding_name(b));
        return b;
    }
    expect_kind(in, p, PARAM_TEXT);
    if (!binding_parse(p->text, &b))
        err("%s: --varies %s: found \"%s\", expected \"step\", \"time\", \"prompt\" or \"never\"",
            in->r->g->file, d->name, p->text);
    return b;
}

static void rename_inputs(const Inputs *in, Declared *all)
{
    for (int i = 0; i < in->model->inputs.n_args; i++) {
        const ParamSet *p = set_of(in, "rename.", all[i].name);
        if (p) {
            expect_kind(in, p, PARAM_TEXT);
            all[i].called = p->text;
        }
        for (int k = 0; k < i; k++)
            if (strcmp(all[k].called, all[i].called) == 0)
                json_err(all[i].layer->json, "two inputs are called %s, expected one",
                         all[i].called);
    }
}

const char *keras_inputs(Reader *r, const KerasModel *m, const ParamSet *sets, int n_sets,
                         TensorId *out)
{
    Inputs in = {r, m, sets, n_sets};
    const char *guessed = "";
    int n = m->inputs.n_args;
    Declared *all = arena_alloc(r->scratch, (size_t)n * sizeof *all);
    check_sets(&in);
    for (int i = 0; i < n; i++)
        all[i] = declared(r->scratch, m, i);
    rename_inputs(&in, all);
    int64_t batch = find_batch(&in, all);
    for (int i = 0; i < n; i++) {
        Binding b = input_binding(&in, &all[i], &guessed);
        Shape s = input_shape(&in, &all[i], batch);
        out[i] = graph_add_input(r->g, all[i].called, all[i].dtype, s, b);
    }
    keras_param(r, m->json, (ParamSet){.name = "batch", .value = batch});
    return guessed;
}
