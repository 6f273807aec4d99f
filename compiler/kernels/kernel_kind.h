/* The kinds of kernels, as data: kernels.def has one row per kind. */
#ifndef LATENTC_KERNEL_KIND_H
#define LATENTC_KERNEL_KIND_H
#include "attention.h"
#include "contract.h"
#include "map.h"
#include "sums.h"
#include "unit_peak.h"
#include "buf.h"

typedef enum {
#define KERNEL(e, ...) KERNEL_##e,
#include "kernels.def"
#undef KERNEL
    KERNEL_KINDS
} KernelKind;

/* As the text form of a program writes the kind: "contract". */
extern const char *const kernel_kind_names[KERNEL_KINDS];

/* Bytes of the kind's description. */
size_t kernel_description_bytes(KernelKind kind);

/* Appends the name of the kernel's function but for its index: type, op, form of the convolution,
 * fusions: "lc_bf16_conv3x3_f23_norm_swish_res". text: what the step does, for people. */
void kernel_symbol(KernelKind kind, const void *description, const char *text, Buf *out);

/* Of every `round` tasks of a step, the first `first` compute the first batch element. The rest
 * compute only others. As in lrt_step. */
typedef struct {
    int64_t round, first;
} FirstTasks;

/* Which of a kernel's `tasks` the first of `batch` batch elements needs. All of them where the
 * result does not have that batch, or where the kernel's tasks do not keep batch elements apart. */
FirstTasks kernel_first_tasks(KernelKind kind, const void *description, int64_t batch,
                              int64_t tasks);
#endif
