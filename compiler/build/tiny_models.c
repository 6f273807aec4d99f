/* See tiny_models.h; docs/weights.md states the rule. */
#include "tiny_models.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "fetch.h"
#include "files.h"
#include "schemes.h"
#include "weights.h"

static bool serves(Opened *o, const char *spec, ModelId id)
{
    return spec && opened_serves(o, spec, model_rows[id].name);
}

/* The SPEC is that of MODEL=SPEC: the user says whose weights it has. */
static bool is_named(const FlagList *specs, const char *spec)
{
    for (int i = 0; i < specs->n; i++)
        if (specs->items[i] == spec)
            return false;
    return true;
}

/* What --taesd names for one of the tiny models, else what --weights names. NULL: nothing has its
 * weights. Synthetic weights are of every model: without --taesd nobody wants them here. */
static const char *spec_of(const WeightFlags *w, ModelId id, Opened *o)
{
    for (int i = w->tiny.n - 1; i >= 0; i--)
        if (serves(o, w->tiny.items[i], id))
            return w->tiny.items[i];
    const char *spec = flags_fitting(&w->specs, model_rows[id].name, opened_serves, o);
    if (!spec || is_named(&w->specs, spec))
        return spec;
    return !weights_synthetic(spec) && serves(o, spec, id) ? spec : NULL;
}

/* A name that is neither a file nor one of published weights. */
static void check_there(const char *spec)
{
    if (!weights_synthetic(spec) && !fetch_knows(spec, NULL) && access(spec, F_OK))
        err("--taesd %s: cannot be read: %s", spec, strerror(errno));
}

/* --taesd that has weights of neither, or of no decoder. */
static void check_flags(const WeightFlags *w, Opened *o)
{
    bool decoder = false;
    for (int i = 0; i < w->tiny.n; i++) {
        const char *spec = w->tiny.items[i];
        check_there(spec);
        err_begin_with("--taesd ");
        if (!weights_synthetic(spec))
            opened_checkpoint(o, spec);
        err_begin_with(NULL);
        bool here = serves(o, spec, MODEL_TINY_DECODER);
        decoder |= here;
        if (here || serves(o, spec, MODEL_TINY_IMAGE_ENCODER))
            continue;
        const Checkpoint *c = opened_checkpoint(o, spec);
        if (c->foreign)
            err("--taesd %s: this is %s", spec, c->foreign);
        err("--taesd %s: found %s, expected TAESD's decoder, its encoder, or an AutoencoderTiny of diffusers",
            spec, opened_kind(c));
    }
    if (w->tiny.n && !decoder)
        err("--taesd %s: has the encoder alone, expected the decoder too: give --taesd twice",
            w->tiny.items[0]);
}

/* The path of the graph of one of the tiny models, which comes with latentc. */
static const char *graph_of(Arena *a, ModelId id)
{
    const char *name = id == MODEL_TINY_DECODER ? "graphs/taesd/decoder.json"
                                                : "graphs/taesd/encoder.json";
    const char *own = own_file(a, name);
    char *whole = own ? realpath(own, NULL) : NULL;
    if (!whole)
        err("%s is not in the folder of latentc", name);
    const char *path = arena_strdup(a, whole);
    free(whole);
    return path;
}

/* Whether something has weights of the large decoder. MODEL=SPEC and the pipeline file are taken at
 * their word; without any weights (latentc bench), all models are wanted. */
static bool has_large(const PipelineSource *from, const WeightFlags *w, Opened *o)
{
    const char *spec = opened_spec(from, model_rows[MODEL_DECODER].name, &w->specs, o);
    if (!spec)
        return !w->specs.n;
    return is_named(&w->specs, spec) || serves(o, spec, MODEL_DECODER);
}

void tiny_add(const PipelineSource *from, const WeightFlags *w, Opened *o,
              const char *spec[MODEL_COUNT])
{
    Json models = json_get(from->root, "models");
    check_flags(w, o);
    if (!json_ok(models) || json_kind(models) != JSON_OBJECT)
        return;
    for (int i = MODEL_TINY_DECODER; i <= MODEL_TINY_IMAGE_ENCODER; i++) {
        spec[i] = spec_of(w, i, o);
        if (spec[i] && !json_ok(json_get(models, model_rows[i].name)))
            json_set_string(json_object_at(models, model_rows[i].name), "graph",
                            graph_of(from->arena, i));
    }
    if (w->no_vae && !json_ok(json_get(models, model_rows[MODEL_TINY_DECODER].name)))
        usage_err("--no-vae goes only with --taesd, whose decoder then is the only one");
}

void tiny_drop_large(const PipelineSource *from, const WeightFlags *w, Opened *o,
                     const char *const spec[MODEL_COUNT])
{
    Json models = json_get(from->root, "models");
    if (!json_ok(models) || json_kind(models) != JSON_OBJECT)
        return;
    if (w->no_vae || (spec[MODEL_TINY_DECODER] && !has_large(from, w, o))) {
        json_remove(models, model_rows[MODEL_DECODER].name);
        json_remove(models, model_rows[MODEL_IMAGE_ENCODER].name);
    }
}

/* The checkpoint has weights of TAESD and of no other model. */
static bool tiny_alone(const Checkpoint *c)
{
    bool tiny = false;
    for (int i = 0; i < MODEL_COUNT; i++) {
        if (!checkpoint_serves(c, model_rows[i].name))
            continue;
        if (i != MODEL_TINY_DECODER && i != MODEL_TINY_IMAGE_ENCODER)
            return false;
        tiny = true;
    }
    return tiny;
}

void tiny_check(const Pipeline *l)
{
    for (int i = 0; i < MODEL_COUNT; i++) {
        const Checkpoint *c = l->model[i].checkpoint;
        if (c && !checkpoint_serves(c, model_rows[i].name) && tiny_alone(c))
            err("--weights %s: this is %s: give it by --taesd, and the other models by --weights",
                c->spec, c->taken_for);
    }
    const PipelineModel *encoder = &l->model[MODEL_TINY_IMAGE_ENCODER];
    if (encoder->graph && !l->model[MODEL_TINY_DECODER].graph)
        err("--weights %s: has TAESD's encoder alone, expected its decoder, too",
            pipeline_weights(l, encoder));
}

const char *tiny_text(Arena *a, const Pipeline *l, const PipelineFlags *f)
{
    const PipelineModel *tiny = &l->model[MODEL_TINY_DECODER], *large = &l->model[MODEL_DECODER];
    const bool encoder = l->model[MODEL_TINY_IMAGE_ENCODER].graph && !f->no_init_img,
               large_encoder = l->model[MODEL_IMAGE_ENCODER].graph && !f->no_init_img;
    if (!tiny->graph)
        return NULL;
    const char *pictures = encoder && large_encoder ? "each has its image encoder"
                           : encoder                ? "with its image encoder"
                           : large_encoder          ? "one image encoder, the model's own"
                                                    : "no image encoder",
               *spec = pipeline_weights(l, tiny);
    if (large->graph)
        return arena_printf(a, "decoders: the model's own (%s), and with --taesd TAESD (%s); %s",
                            pipeline_weights(l, large), spec, pictures);
    return arena_printf(
        a, "decoder: TAESD alone (%s), because %s; %s", spec,
        f->weights.no_vae ? "of --no-vae" : "nothing has weights of the model's own", pictures);
}
