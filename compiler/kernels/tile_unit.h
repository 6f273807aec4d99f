/* Sizes of the tile unit (AMX): eight tile registers of 16 rows of 64 bytes. An accumulator holds
 * 16 x 16 f32; an operand holds 16 rows of 32 bf16 numbers, or 16 pairs of rows of 16 columns. */
#ifndef LATENTC_TILE_UNIT_H
#define LATENTC_TILE_UNIT_H

/* TILE_CHANNELS: bf16 numbers in a row of an operand. TILE_MOST: tiles of each operand that one
 * product uses at a time, so TILE_MOST * TILE_MOST accumulators. */
enum { TILE_ROWS = 16, TILE_COLUMNS = 16, TILE_CHANNELS = 32, TILE_MOST = 2 };
/* A tile in memory without gaps: bytes of a row; 32-bit words of the whole tile. */
enum { TILE_ROW_BYTES = 64, TILE_FLOATS = TILE_ROWS * TILE_COLUMNS };
#endif
