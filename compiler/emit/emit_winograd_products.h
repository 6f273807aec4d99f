/* The products of a Winograd convolution. */
#ifndef LATENTC_EMIT_WINOGRAD_PRODUCTS_H
#define LATENTC_EMIT_WINOGRAD_PRODUCTS_H
#include "emit_winograd_transform.h"

/* The products of all positions of a block, to w->products. With two buffers of products, the
 * stores of the block before overlap with them. Sets the block's fields in w. */
void block_products(Emit *e, WinogradTask *w, const ColumnBlock *b);
#endif
