/* The levels of a U-Net, as unet/config.json of diffusers lists them: how wide and deep each is,
 * and which have transformers. Level 0 is the finest one. */
#ifndef LATENTC_UNET_LEVELS_H
#define LATENTC_UNET_LEVELS_H
#include "config.h"

typedef struct {
    Levels widths;
    /* Res blocks per level on the way down, and transformer blocks per spatial transformer. */
    Levels blocks, depths;
    /* 0: no transformers, 1: transformers, 2: transformers that attend to the prompt alone; on the
     * way down and up. */
    Levels down, up;
    /* Res blocks in the middle, 0 to 2; between two is a transformer. */
    int mid;
} UnetLevels;

/* err() where the graphs do not have what the config says. */
UnetLevels unet_levels_read(Json config);

/* How many levels there are up to the last one with transformers. */
int unet_levels_attention(const UnetLevels *u);

/* Writes them as parameters of graphs/sd2/diffusion_model.json into the object. */
void unet_levels_set(const UnetLevels *u, Json parameters);

/* The published small U-Net that has these levels, "BK-SDM small"; "" for that of Stable Diffusion;
 * "another form" for others. */
const char *unet_levels_name(const UnetLevels *u);
#endif
