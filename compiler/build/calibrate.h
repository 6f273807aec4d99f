/* Which layers of a diffusion model stay in bf16 under --dtype int8: by their own errors, so that
 * the model's error is small enough. */
#ifndef LATENTC_CALIBRATE_H
#define LATENTC_CALIBRATE_H
#include "pipeline.h"
#include "shared_flags.h"

/* What `latentc build --calibrate` is told. */
typedef struct {
    /* The pipeline's path, its flags, and settings that lie over it, as in build_open; the same
     * opened, at its first size. */
    const char *pipeline, *over;
    const PipelineFlags *flags;
    const Pipeline *opened;
    /* The packed vocabulary. */
    const void *vocab;
    size_t vocab_bytes;
    /* A prompt on each line; the table to write (int8_layers.h). */
    const char *prompts, *layers;
    /* The most relative rms error of the model's output. */
    double most;
    bool quiet;
} Calibration;

/* Relative rms error of an int8 step that people take as right: docs/fast.md. */
#define CALIBRATE_ERROR 4.5e-2

/* Writes the table. err() where there are no prompts, bf16 alone has a larger error, or numbers are
 * not finite. */
void calibrate(const Calibration *c);
#endif
