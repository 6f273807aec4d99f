/* The settings of a checkpoint as its config files give them: config.json of each component,
 * scheduler_config.json, tokenizer/. */
#ifndef LATENTC_DIFFUSERS_H
#define LATENTC_DIFFUSERS_H
#include "json.h"

/* A part of a pipeline file being written (Checkpoint.settings). */
typedef struct {
    Arena *arena;
    Buf text_encoder, diffusion_model, decoder, image_encoder; /* "name":value,... */
    Buf parameters, schedule;
    int pad_token;       /* -1: not said */
    bool of_diffusers;   /* pictures are rounded, and encoded, as diffusers does */
    const char *sampler; /* of the class that the folder names; NULL: not said, or none of ours */
    const char *prediction; /* "epsilon", "v"; NULL: not said */
} Settings;
Settings settings_new(Arena *a);
/* One more member of one of the buffers; value is JSON. */
void settings_add(Buf *members, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void settings_add_real(Buf *members, const char *name, double value);
const char *settings_text(const Settings *s); /* JSON, in the arena; frees the buffers */

/* Each err()s, with file and pointer, at what the graphs cannot express; at models of another kind
 * by their name. */
void check_pipeline_class(Json model_index);
void settings_of_unet(Settings *s, Json config);
void settings_of_vae(Settings *s, Json config);
void settings_of_text_encoder(Settings *s, Json config);
void settings_of_scheduler(Settings *s, Json config);
/* A class of scheduler, the sampler that it is, and what it takes for members that its config
 * leaves out. clip: of clip_sample, as in our schedules; classes that do not know it leave it to
 * that of whichever sampler is chosen, as from_config does. */
typedef struct {
    const char *class, *algorithm /* algorithm_type; NULL: has none */,
        *sampler /* NULL: none of ours */;
    bool alpha_to_one;
    const char *clip;
} SchedulerClass;
const SchedulerClass *scheduler_class_of(
    const char *sampler); /* DDIMScheduler for those that no class is alone */
/* tokenizer/: *vocab is the folder when there is a vocabulary in it. */
void settings_of_tokenizer(Settings *s, const char *folder, const char **vocab);
/* What PyTorch's programs have in common and no file says: gelu by erf, eps of the norms.
 * component: "unet", "vae", "text_encoder". */
void settings_of_convention(Settings *s, const char *component);
#endif
