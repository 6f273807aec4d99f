/* How convolutions may be computed: the rows of conv_forms.def. */
#ifndef LATENTC_CONV_FORMS_H
#define LATENTC_CONV_FORMS_H
#include <stdbool.h>

/* clang-format off */
#define STORED_KERNELS(ROW) ROW(PACKED, packed) ROW(STREAMED, streamed) ROW(UNPACKED, unpacked)
#define WINOGRADS(ROW) \
    ROW(NONE, none) ROW(F23, f23) ROW(F43, f43) ROW(UP23, up23) ROW(UP43, up43) ROW(F23X, f23x) ROW(F43X, f43x) \
    ROW(F24, f24)
/* clang-format on */

/* How the kernels of a Winograd form are stored. PACKED: transformed when the weights are packed.
 * STREAMED: plain; each task transforms them in its scratch, a part at a time. UNPACKED: plain; a
 * step of its own transforms them in memory, once a run. */
#define ROW(e, name) KERNELS_##e,
enum { STORED_KERNELS(ROW) KERNELS_COUNT };
#undef ROW
/* The matrices of a Winograd form: F(m,r) computes m outputs of r taps; UP: of pictures that are
 * upsampled to twice their size; X: along x alone. */
#define ROW(e, name) WINOGRAD_##e,
typedef enum { WINOGRADS(ROW) WINOGRAD_COUNT } WinogradKind;
#undef ROW
/* Names of both as the text form of a program writes them. */
extern const char *const stored_kernels_names[KERNELS_COUNT];
extern const char *const winograd_names[WINOGRAD_COUNT];

/* Where a form pays, so that it may be chosen by its cost: products on vectors, on the tile unit.
 * Each works on both. */
typedef enum { UNITS_VECTORS = 1, UNITS_TILES = 2, UNITS_BOTH = 3 } FormUnits;

/* Where a form may be chosen by its cost. LATE: where the products are vdpbf16ps, and an error
 * passes through few products: in models that run once for a picture (without a timestep), and
 * behind the lowest level of a U-Net. */
typedef enum { CHOSEN_ALWAYS, CHOSEN_LATE } FormChosen;

/* AUTO: the cheapest form by estimate, within a budget of bytes (algorithm.c). WINOGRAD: the
 * cheapest Winograd form where one fits. Else that form where it fits. */
typedef enum {
    CONV_AUTO,
    CONV_WINOGRAD,
#define FORM(e, name, shown, winograd, kernels, units, bf16, chosen) CONV_##e,
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
    FormChosen chosen;
} ConvForm;
enum { CONV_FORMS = CONV_MODES - CONV_DIRECT };
/* Direct first, int8, then in the order of their kernels' size. */
extern const ConvForm conv_forms[CONV_FORMS];
/* The row of a mode that names a form. */
static inline const ConvForm *conv_form(ConvMode mode) { return &conv_forms[mode - CONV_DIRECT]; }
/* The row of a form with those matrices and stored kernels. */
const ConvForm *conv_form_of(WinogradKind winograd, int kernels);
/* Are operands rounded to bfloat16 in this form, where the program's are? */
bool contract_bf16(ConvMode form, bool bf16);

/* Names that --conv takes, by ConvMode. */
extern const char *const conv_names[CONV_MODES];
/* The mode of that name; usage_err() when there is none. */
ConvMode conv_parse(const char *text);
#endif
