/* The compiled stages at work: token ids to a latent to a picture. Arrays are NHWC. */
#ifndef LATENTRT_ENGINE_H
#define LATENTRT_ENGINE_H
#include "container.h"
#include "denoise.h"
#include "model_inputs.h"
#include "text_context.h"

typedef struct {
    const lrt_pipeline *pipeline;
    const lrt_container *weights;
    int threads;
    lrt_workspace *workspace;   /* of all stages */
    int64_t latent_h, latent_w; /* loop.n = h * w * 4 */
    float *context;             /* (2, tokens, width): the prompt's, then the negative prompt's */
    /* Those that the model has beside the context. The caller fills in mask_latent for each
     * picture.
     */
    lrt_model_inputs inputs;
    /* A cache: ids of prompts (max_text_length) and their context. When it is full, the oldest
     * entry is replaced. */
    struct {
        int32_t *ids;
        float *context;
    } * encoded;
    size_t n_encoded, next_encoded;
    const lrt_empty_context
        *empty;        /* the caller's, which fits; NULL: the empty prompt is encoded */
    float *embeddings; /* (calls, time_width) of the current sampling */
    bool tiny;         /* set by the caller: decode and encode with TAESD, where it is there */
    float *picture;    /* (height, width, 3) */
    uint8_t *rgb;
    /* Its buffers and instances belong to the engine; model[1] exists only without batched
     * guidance. The caller sets guidance, noise, on_step, profile and init_image. */
    lrt_denoiser loop;
} lrt_engine;
/* Checks the stages and allocates buffers. weights: the file of the packed weights, open, which
 * must outlive g. */
bool lrt_engine_init(lrt_engine *g, const lrt_pipeline *p, const lrt_container *weights,
                     int threads, lrt_error *e);
void lrt_engine_free(lrt_engine *g);
/* Encodes both prompts, ids (2, max_text_length), padded, the negative one second, sets the result
 * as the model's context, and runs the prompt plan. When the prompts are equal, or no step is
 * guided (then only the first is needed), one prompt is encoded and all steps compute one half.
 * scale: of guidance, for a model that takes it as an input. */
bool lrt_engine_encode(lrt_engine *g, const int32_t *ids, bool guided, double scale, lrt_error *e);
/* Runs the image encoder on what the run needs of the init image (init_image->whole; where the
 * model reads masks, init_image->masked), unless its result is there. The result goes into moments
 * where the pipeline samples latents from them, else into latent. */
bool lrt_engine_encode_init_image(lrt_engine *g, lrt_error *e);
/* All steps of a planned sampling, in place: x (h, w, 4) at its first point becomes the finished
 * latent. false: on_step stopped it, memory is short, or the result is not finite. */
bool lrt_engine_denoise(lrt_engine *g, lrt_sampling *s, float *x, lrt_error *e);
/* Decodes a latent into g->rgb (height, width, 3): clip((y + 1) / 2 * 255, 0, 255), rounded as the
 * pipeline says, with the pixels of the init image where it keeps them. */
bool lrt_engine_decode(lrt_engine *g, const float *x, lrt_error *e);
/* The same for an estimate in the loop: by TAESD where it is there. */
bool lrt_engine_preview(lrt_engine *g, const float *x, lrt_error *e);
#endif
