/* Parameters of a pipeline's models, for the configs that diffusers_write.c writes. */
#ifndef LATENTC_DIFFUSERS_PARAMS_H
#define LATENTC_DIFFUSERS_PARAMS_H
#include "conversion.h"
#include "pipeline.h"

/* A model's parameters: the pipeline's, else the graph's own defaults. */
typedef struct {
    Arena *arena;
    const PipelineModel *of;
    Json graph, declared;
} Params;

/* The caller frees .graph. */
Params params_of(const Conversion *v, ModelId id);

/* A parameter, whole or real; err() when the graph declares none of that name. */
ParamSet params_find(const Params *p, const char *name);
long long params_int(const Params *p, const char *name);
double params_real(const Params *p, const char *name);

/* Whether the graph declares it. */
bool params_declare(const Params *p, const char *name);

/* A list of integers as JSON, "[320,640]", each divided by `by`. */
const char *params_list(const Params *p, const char *name, int64_t by);

/* A number as JSON. */
const char *real_text(Arena *a, double v);

/* Where diffusers' code has a constant, or gelu by erf, and this pipeline another, its pictures are
 * others: a note says so. */
void params_constant(const char *name, double found, double theirs);
void params_erf(const Params *p, const char *model);

/* unet/config.json of the pipeline's diffusion model (diffusers_unet.c). */
void unet_config(const Conversion *v, Buf *b);

/* Whether that model repaints a part of a picture. */
bool unet_reads_masks(const Conversion *v);
#endif
