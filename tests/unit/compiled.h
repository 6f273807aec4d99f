/* Compiled graphs against the reference interpreter: the cases that
 * tests/unit/program/test_compiled*.c share, and the comparison. */
#ifndef COMPILED_H
#define COMPILED_H
#include "compile.h"
#include "jit.h"

typedef struct {
    int64_t b, h, w, c, co;
    int heads;
    int64_t m;
} Size;
typedef TensorId Build(Graph *g, TensorId x, Size s);
typedef struct {
    const char *name;
    Build *build;
    Size size;
} Case;

/* Every kernel on shapes with edges: odd sizes, 1x1 images, channels that are no multiple of the
 * vector, batches, strips with a short end. */
extern const Case cases[];
extern const int n_cases;
/* For Winograd: channels that are multiples of every vector; tiles cut by the picture's edge; parts
 * of channels; both operands of a concat. */
extern const Case winograd_cases[];
extern const int n_winograd_cases;
/* Builders for other tests' own cases. */
Build guided, res_block, transformer, up, summed;
/* The graph of a case, which the caller frees. */
Graph *make(const Case *c);
/* Values with a mean, so that normalisation has something to remove; free() them. */
float *random_input(const Tensor *t, uint64_t seed);
/* Compiles a case and compares it with the interpreter in double; fails the test when it is too far
 * off or its bits depend on the number of threads. c: static, the interpreter's result is kept for
 * the next call. */
void run_case(const Case *c, const Target *t, unsigned fuse, ConvMode conv, bool bf16);
/* The same with every product of the case quantised, everything fused. */
void run_quantised(const Case *c, Quant quant, const Target *t, ConvMode conv, bool bf16);

/* What is tried on a target. */
typedef struct {
    const char *name;
    void (*all)(const Target *t);
} OnTarget;
/* One cmocka test for each row of targets.def and each of `what`; skipped where the target does not
 * run. Not where the code for these products is that of another target. Returns main's exit code.
 */
int run_on_targets(const char *group, const OnTarget *what, int n, Products of);
#endif
