/* TAESD's decoder and image encoder beside the model's own, or in their place. */
#ifndef LATENTC_TINY_MODELS_H
#define LATENTC_TINY_MODELS_H
#include "models.h"
#include "opened.h"
#include "pipeline.h"

/* ---- tiny_models.c ---- */

/* Adds TAESD's models to the pipeline where there are weights of them: those of --taesd, else of
 * --weights. spec[i]: the weights of the models that it added; others stay. err() and usage_err()
 * at a wrong --taesd. */
void tiny_add(const PipelineSource *from, const WeightFlags *w, Opened *o,
              const char *spec[MODEL_COUNT]);

/* After it: takes the large decoder and image encoder out where TAESD's decoder was added and
 * nothing has weights of the large one, or with --no-vae. */
void tiny_drop_large(const PipelineSource *from, const WeightFlags *w, Opened *o,
                     const char *const spec[MODEL_COUNT]);

/* For programs. err() where TAESD's weights are the only ones that --weights gives, and where there
 * is its encoder without its decoder. */
void tiny_check(const Pipeline *l);

/* Which decoders a program has, and why: "decoders: ..."; NULL: it has no TAESD. */
const char *tiny_text(Arena *a, const Pipeline *l, const PipelineFlags *f);
#endif
