/* From a prompt to the diffusion model's context: ids of its tokens, and the text encoder.
 * Generators run it; latentc runs it once at build time, for the empty prompt. */
#ifndef LATENTRT_TEXT_CONTEXT_H
#define LATENTRT_TEXT_CONTEXT_H
#include "plan.h"
#include "profile.h"
#include "stage.h"
#include "tokenizer.h"

/* The ids of a prompt's tokens: all of them in *t, and the first max_text_length in ids, cut (the
 * last one is then the end of text) or padded. The caller frees t->ids, also after an error. */
bool lrt_prompt_ids(const lrt_vocab *v, const lrt_pipeline *p, const char *prompt, lrt_tokens *t,
                    int32_t *ids, lrt_error *e);

/* How many numbers the context of one prompt has: max_text_length rows. */
int64_t lrt_context_values(const lrt_pipeline *p);

/* Runs the text encoder x, an instance of the pipeline's, on ids (max_text_length); out: the
 * context. false when memory is short. */
bool lrt_text_context(const lrt_pipeline *p, lrt_instance *x, const int32_t *ids, float *out,
                      lrt_error *e);

/* The section LRT_SECTION_CONTEXT: this header, then ids (tokens), then the context (values). It is
 * what the program's own text encoder makes of the empty prompt with the weights of that hash. */
typedef struct {
    uint64_t weights_hash; /* of the section of the weights */
    uint32_t tokens, values;
} lrt_empty_context;
/* How many bytes the section has. */
uint64_t lrt_empty_context_bytes(uint64_t tokens, uint64_t values);
/* Whether a section of n bytes belongs to this pipeline and to weights of that hash. */
bool lrt_empty_context_fits(const lrt_empty_context *c, uint64_t n, const lrt_pipeline *p,
                            uint64_t weights_hash);
#endif
