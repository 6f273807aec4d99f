/* The pipeline whose settings the fuzz targets read. */
#ifndef LATENTC_FUZZ_SETTINGS_H
#define LATENTC_FUZZ_SETTINGS_H
#include "plan.h"

static const lrt_pipeline fuzz_pipeline = {.name = "fuzz",
                                           .width = 128,
                                           .height = 128,
                                           .max_text_length = 77,
                                           .schedule = {.train_steps = 1000},
                                           .steps = 25,
                                           .cfg_scale = 7.5,
                                           .sampler = "ddim",
                                           .seed = 42,
                                           .output = "output.png"};
#endif
