/* The pipeline whose settings unit tests and fuzz targets read: no code, but all that settings look
 * at. It has step caching, and TAESD beside the model's own decoder. */
#ifndef LATENTC_SMALL_PIPELINE_H
#define LATENTC_SMALL_PIPELINE_H
#include "plan.h"

static const lrt_stage small_model = {
    .name = "diffusion_model", .short_step = {.n_steps = 1}, .cache_level = 2};
static const lrt_stage small_decoder = {.name = "decoder"}, small_tiny = {.name = "tiny_decoder"};
static const lrt_stage *const small_stages[] = {&small_model, &small_decoder, &small_tiny};
static const lrt_program small_program = {
    .version = LRT_PLAN_VERSION, .stages = small_stages, .n_stages = 3};
static const lrt_pipeline small_pipeline = {.name = "test",
                                            .program = &small_program,
                                            .text_encoder = -1,
                                            .diffusion_model = 0,
                                            .decoder = 1,
                                            .image_encoder = -1,
                                            .tiny_decoder = 2,
                                            .tiny_image_encoder = -1,
                                            .width = 128,
                                            .height = 128,
                                            .max_text_length = 77,
                                            .schedule = {.train_steps = 1000},
                                            .steps = 25,
                                            .cfg_scale = 7.5,
                                            .sampler = "ddim",
                                            .seed = 42,
                                            .output = "output.png",
                                            .prompt = "a red circle"};
#endif
