/* From an operation to the description of its product, and what to call it. */
#ifndef LATENTC_CONTRACT_OF_H
#define LATENTC_CONTRACT_OF_H
#include "contract.h"
#include "buf.h"

/* Of a conv2d or dense: what the graph says (sizes, window, prologue, epilogue). contract_plan
 * fills in the rest. */
Contract contract_of(const Graph *g, const Op *o);
/* As that form of it computes it: its numbers too. bf16: of the program. */
Contract contract_in_form(const Graph *g, const Op *o, ConvMode form, bool bf16);
/* Its sizes, for people: "2 x 64x64 x 320 -> 64x64 x 640". */
char *contract_shape(Arena *a, const Contract *c);
/* The type of its products, or of its weights where those alone are quantised: "bf16", "int8". */
const char *contract_numbers(const Contract *c);
/* Appends what it does, for people: "conv3x3 F(2,3) norm+swish +vec". */
void contract_name(const Contract *c, Buf *b);
/* The same in words that a function's name is made of, without the type: "conv3x3 f23 norm+swish".
 */
void contract_words(const Contract *c, Buf *b);
#endif
