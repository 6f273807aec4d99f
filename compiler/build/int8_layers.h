/* The file of layers that --int8-layers FILE names: which products are whole numbers. `latentc
 * build
 * --calibrate` writes one. */
#ifndef LATENTC_INT8_LAYERS_H
#define LATENTC_INT8_LAYERS_H
#include "ir.h"

/* What the file says of graph g, in g's arena; NULL where it says nothing. "all": every product
 * that may be quantised. err() with the line on anything but
 *
 *     graph diffusion_model                        layers of several graphs may follow each other
 *     up.1.attn.0.block.geglu.dense   int8  9e-3   or bf16; what follows is for people
 *
 * Empty lines and those that begin with # are passed over. */
const QuantLayers *int8_layers_read(const char *path, Graph *g);
#endif
