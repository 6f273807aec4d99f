/* Which version of Stable Diffusion a checkpoint is, and what follows where no config says it:
 * Stable Diffusion 1.x has CLIP ViT-L's text encoder and eight heads in every transformer,
 * Stable Diffusion 2 has OpenCLIP ViT-H's and heads of 64 channels. */
#ifndef LATENTC_VERSIONS_H
#define LATENTC_VERSIONS_H
#include "checkpoint_settings.h"

/* VERSION_OTHER: widths of neither, such as those of a narrow model. */
typedef enum { VERSION_OTHER, VERSION_1, VERSION_2 } Version;

/* The version whose context, and so whose text encoder, has this many channels. */
Version version_of_width(int64_t channels);

/* Parameters of the U-Net or the text encoder (a graph's name) of this version. GELU: of the text
 * encoder alone, by the program that wrote the file. OTHER: none. */
void version_settings(const Settings *s, Version v, const char *model);

/* The version that the settings describe: that of the context's width; else 1 where the text
 * encoder has quick gelu, which version 2 never has. */
Version version_of_settings(const Settings *s);

/* "Stable Diffusion 1.x"; "Stable Diffusion 2" for the others. */
const char *version_name(Version v);
#endif
