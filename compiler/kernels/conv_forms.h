/* How convolutions may be computed: the rows of conv_forms.def. */
#ifndef LATENTC_CONV_FORMS_H
#define LATENTC_CONV_FORMS_H
#include <stdbool.h>

/* How the kernels of a Winograd form are stored. PACKED: transformed when the weights are packed.
 * STREAMED: plain; each task transforms them in its scratch, a part at a time. UNPACKED: plain; a
 * step of its own transforms them in memory, once a run. */
enum { KERNELS_PACKED, KERNELS_STREAMED, KERNELS_UNPACKED };
/* The matrices of a Winograd form: F(m,r) computes m outputs of r taps; UP: of pictures that are
 * upsampled to twice their size; X: along x alone. */
typedef enum {
    WINOGRAD_NONE,
    WINOGRAD_F23,
    WINOGRAD_F43,
    WINOGRAD_UP23,
    WINOGRAD_UP43,
    WINOGRAD_F23X,
    WINOGRAD_F43X,
    WINOGRAD_COUNT
} WinogradKind;
/* Where a form may be used: products on vectors, on the tile unit. */
typedef enum { UNITS_VECTORS = 1, UNITS_TILES = 2, UNITS_BOTH = 3 } FormUnits;

/* AUTO: the cheapest form by estimate, within a budget of bytes (algorithm.c). WINOGRAD: the
 * cheapest Winograd form where one fits. Else that form where it fits. */
typedef enum {
    CONV_AUTO,
    CONV_WINOGRAD,
#define FORM(e, name, shown, winograd, kernels, units, bf16) CONV_##e,
#include "conv_forms.def"
#undef FORM
    CONV_MODES
} ConvMode;

typedef struct {
    ConvMode mode;
    const char *name, *shown;
    WinogradKind winograd;
    int kernels;
    FormUnits units;
    bool bf16;
} ConvForm;
enum { CONV_FORMS = CONV_MODES - CONV_DIRECT };
/* In the order of their kernels' size; direct first. */
extern const ConvForm conv_forms[CONV_FORMS];
/* The row of a mode that names a form. */
static inline const ConvForm *conv_form(ConvMode mode) { return &conv_forms[mode - CONV_DIRECT]; }
/* The row of a form with those matrices and stored kernels. */
const ConvForm *conv_form_of(WinogradKind winograd, int kernels);
/* Are operands rounded to bfloat16 in this form, where the program's are? */
bool contract_bf16(ConvMode form, bool bf16);

/* Names that --conv takes, by ConvMode. */
extern const char *const conv_names[CONV_MODES];
/* All of them in a list: "auto, winograd, direct, ..."; and --conv's line of --help. */
extern const char conv_list[], conv_help[];
/* The mode of that name; usage_err() when there is none. */
ConvMode conv_parse(const char *text);
#endif
