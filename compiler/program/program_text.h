/* The lowered program as text: `latentc show GRAPH --after lower`. It reads back as the same
 * program, from which the same code is emitted and the same weights are packed.
 *
 *   program amx bf16 made_from="decoder.json"
 *   kernel 0 contract lc_bf16_conv3x3_0 {batch=1, h=64, w=64, ...}
 *   stage decoder
 *   input latent f32[1,64,64,4] step
 *   output output f32[1,512,512,3]
 *   weights offset=0 bytes=99072 shared=0
 *   memory arena=1048576 unshared=2097152 prompt=0 time_row=0 scratch=65536
 *   mem 0 io0 offset=0 bytes=65536 steps=0..0
 *   packed panels w"conv_in.kernel"[3,3,4,512] offset=0 floats=18432 mem=2 {channels=4, ...}
 *   step step k0 "conv3x3" @"conv_in" (m0 m2 m3 m1) tasks=32 round=32 first=32 flops=.. bytes=..
 * done=..
 *
 * kernel: index, kind, function, the fields of its description that are not 0 (description.h);
 * values of prologues, activations, kinds of maps, forms and units are names.
 * mem: index, buffer (io0 is the first input; outputs follow inputs), the first and last step that
 * use it, or "unused". packed: the form (raw, bf16, panels, bias), the weight, its place, the
 * layout of its panels. step: plan (prompt, time, interval, step), kernel, what it does, the op,
 * its operands. With step caching, "memory" ends with interval=BYTES level=N, and full steps run
 * the steps of "interval" and "step" in the order in which they stand here, short ones those of
 * "step".
 */
#ifndef LATENTC_PROGRAM_TEXT_H
#define LATENTC_PROGRAM_TEXT_H
#include "program.h"

/* Words of the text form: by PLAN_*, by PackKind, by LRT_BUF_* (last: inputs and outputs). */
extern const char *const plan_names[PLAN_COUNT];
extern const char *const pack_names[PACK_KINDS];
extern const char *const buffer_names[LRT_BUF_IO + 1];

/* Appends the text of p. */
void program_print(const Program *p, Buf *out);

/* Does the text begin as program_print's do? */
bool program_text_begins(const char *text);
/* The program of such a text; err() with file:line:column on any mistake of form. Indices and
 * ranges are checked. Whether descriptions make sense is not: the text is trusted as much as code
 * is. The stages' graphs hold inputs and weights alone. */
Program *program_parse(const char *text, const char *file);
/* The program in the file at `path`, where that is a text file (.txt) of one; else NULL.
 * program_close_text frees it and its graphs. */
Program *program_open_text(const char *path);
/* Frees a program that was read from text, with its graphs. */
void program_close_text(Program *p);
#endif
