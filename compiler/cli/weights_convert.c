/* latentc weights convert: the same weights under the names and in the layout of another scheme.
 * One tensor after the other is in memory. */
#include "conversion.h"
#include "schemes.h"
#include "weights_actions.h"
#include "weights_packed.h"
#include "err.h"
#include "files.h"
#include "outfile.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* ---- the output ---- */

static StDtype dtype_of(const char *text)
{
    static const struct {
        const char *name;
        StDtype dtype;
    } types[] = {{"f32", ST_F32}, {"f16", ST_F16}, {"bf16", ST_BF16}};
    if (!text)
        return ST_OTHER; /* as it is stored */
    return types[name_choice("--dtype", text, NAMES_OF(types, name, 3))].dtype;
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
    const char *name, *scheme;
    bool bf16; /* whether the format has such numbers */
    void (*write)(Conversion *v);
} Form;
/* clang-format off */
static const Form forms[] = {
    {"latentc", "latentc", true, write_latentc},
    {"diffusers", "diffusers", true, diffusers_write},
    {"ldm", "ldm", true, write_ldm},
    {"keras", "keras", false, keras_write},
    {"keras3", "keras", false, keras3_write},
    {"packed", NULL, true, NULL}, /* packed_write */
};
/* clang-format on */
enum { N_FORMS = sizeof forms / sizeof forms[0] };

static const Form *form_of(const char *name)
{
    const Names names = NAMES_OF(forms, name, N_FORMS);
    if (!name)
        usage_err("weights convert: --to FORM is missing: %s", name_hint("", names));
    return &forms[name_choice("--to", name, names)];
}

/* The command line. Flags that go with --to packed decide how weights are packed. */
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
            usage_err("weights convert: --%s goes only with --to packed", f[i].name);
}

static const Form *parse(int argc, char **argv, Asked *q)
{
    WeightFlags *w = &q->of.weights;
    /* clang-format off */
    const Flag flags[] = {
        FLAG_GROUP("Form", "latentc weights convert sd2-folder --to ldm --dtype f16 -o sd2.safetensors"),
        {"output", 'o', FLAG_STRING, &q->out, "OUT", "the file or folder to write", 0, 0},
        {"to", 0, FLAG_STRING, &q->to, "FORM", "latentc, diffusers (a folder), ldm (one file), keras or keras3 (.h5), or packed", 0, 0},
        {"dtype", 0, FLAG_STRING, &q->of.code.dtype, "TYPE", "f32, f16 or bf16; default: the type of each stored tensor; with --to packed: f32 (default) or bf16", 0, 0},
        {"variant", 0, FLAG_STRING, &w->variant, "NAME", "which files of a diffusers folder, e.g. fp16", 0, 0},
        FLAG_GROUP("Only with --to packed", "latentc weights convert finetuned.safetensors --to packed --sizes 512x512,768x512 -o finetuned.weights"),
        {"weights", 0, FLAG_LIST, &w->specs, "[MODEL=]SPEC", "another checkpoint, for one of the models", 0, 0},
        {"offline", 0, FLAG_BOOL, &w->offline, NULL, "download nothing", 0, 0},
        {"vocab", 0, FLAG_STRING, &q->vocab, "FILE", "put this vocabulary into the file; archives (build --emit a) need it there", 0, 0},
        SIZE_FLAGS(&q->of),
        CODE_FLAGS_BUT_DTYPE(&q->of.code, "latentc weights convert finetuned.safetensors --to packed --dtype bf16 --target x86-64-v4 -o finetuned.weights"),
    };
    /* clang-format on */
    enum { OWN = 5, N = sizeof flags / sizeof flags[0] };
    const Command command = {
        "latentc weights convert SPEC [PIPELINE.json] -o OUT --to FORM",
        "Writes the weights of a checkpoint in another form. SPEC may be synthetic:SEED. Without PIPELINE.json: Stable Diffusion 2.\n"
        "  latentc weights convert sd2-folder --to ldm --dtype f16 -o sd2.safetensors\n"
        "--to packed writes the file that latentc build --weights-file writes with the same flags, for the same generators:\n"
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

/* -o, before the work. Keras' forms write a file or a folder. */
static void claim_output(const Asked *q, const Form *form)
{
    size_t n = strlen(q->out);
    bool keras = form->scheme && !strcmp(form->scheme, "keras"),
         file = n > 3 && !strcmp(q->out + n - 3, ".h5");
    if (form->write == diffusers_write || (keras && !file))
        outfolder_claim(q->out);
    else
        output_claim(q->out);
}

static void convert(const Asked *q, const Form *form)
{
    Conversion v = {.out = q->out};
    StDtype type = dtype_of(q->of.code.dtype);
    if (!form->bf16 && type == ST_BF16)
        usage_err("weights convert: Keras' files have no bf16: give --dtype f32 or f16");
    Subject s = subject_open(q->arguments[0], q->arguments[1], q->of.weights.variant);
    if (s.one_graph)
        err("%s: this is a graph, expected a pipeline, whose \"models\" name graphs", s.file);
    v.subject = &s;
    bool first = conversion_version1(&v);
    v.scheme = scheme_find(!first                           ? form->scheme
                           : !strcmp(form->scheme, "ldm")   ? "ldm1"
                           : !strcmp(form->scheme, "keras") ? "keras1"
                                                            : form->scheme);
    subject_need_any(&s);
    for (int i = 0; i < s.n; i++)
        if (s.model[i].here)
            weights_check(s.model[i].weights, s.model[i].graph);
    conversion_list(&v, type, form->bf16);
    double start = lrt_now();
    lrt_progress_begin_bytes(&v.bar, "converting", v.bytes);
    form->write(&v);
    lrt_progress_end(&v.bar);
    note("%s: %d tensors, %.1f MB, %.1f s", v.out, v.n, v.bytes / 1e6, lrt_now() - start);
    conversion_free(&v);
    subject_close(&s);
}

int weights_convert(int argc, char **argv)
{
    Asked q = {0};
    const Form *form = parse(argc, argv, &q);
    Arena *a = arena_new();
    claim_output(&q, form);
    if (form->scheme)
        convert(&q, form);
    else
        packed_write(q.arguments[0],
                     q.arguments[1] ? graph_file(q.arguments[1]) : default_pipeline(a), q.out, q.of,
                     q.vocab);
    arena_free(a);
    return EXIT_OK;
}
