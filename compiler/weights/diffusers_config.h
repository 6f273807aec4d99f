/* The settings of a checkpoint as diffusers' config files give them. Each function reads one file,
 * given as JSON; err(), with file and pointer, where the graphs cannot express a fact, and with the
 * model's name where it is a model of another kind. */
#ifndef LATENTC_DIFFUSERS_CONFIG_H
#define LATENTC_DIFFUSERS_CONFIG_H
#include "checkpoint_settings.h"

/* err() unless model_index.json names a pipeline of Stable Diffusion 2. */
void check_pipeline_class(Settings *s, Json model_index);

/* The U-Net takes the guidance scale as an input of `width` channels; where: what says so. */
void settings_of_guidance(Settings *s, int64_t width, const char *where);

/* config.json of unet/, vae/ and text_encoder/. */
void settings_of_unet(Settings *s, Json config);
void settings_of_vae(Settings *s, Json config);
/* The same of an AutoencoderTiny. */
void settings_of_tiny(Settings *s, Json config);
void settings_of_text_encoder(Settings *s, Json config);

/* tokenizer/: the padding token; *vocab becomes the folder when it exists. */
void settings_of_tokenizer(Settings *s, const char *folder, const char **vocab);

/* A U-Net that reads so many channels: 9 for one that repaints a part of a picture, which reads a
 * mask and the masked picture beside the latent. Sets s->form. */
void settings_of_channels(Settings *s, int64_t channels);

/* Facts that PyTorch's programs have in their code and no file gives: gelu by erf, eps of the
 * norms. component: "unet", "vae", "taesd", "text_encoder". */
void settings_of_convention(Settings *s, const char *component);
#endif
