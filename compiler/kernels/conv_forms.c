#include "conv_forms.h"
#include "err.h"
#include "words.h"
#include <string.h>

/* clang-format off */
#define ROW(e, name) #name,
const char *const stored_kernels_names[KERNELS_COUNT] = {STORED_KERNELS(ROW)};
const char *const winograd_names[WINOGRAD_COUNT] = {WINOGRADS(ROW)};
#undef ROW

const ConvForm conv_forms[CONV_FORMS] = {
#define FORM(e, name, shown, winograd, kernels, units, bf16, chosen) \
    {CONV_##e, name, shown, WINOGRAD_##winograd, KERNELS_##kernels, UNITS_##units, bf16, CHOSEN_##chosen},
#include "conv_forms.def"
#undef FORM
};

#define FORM(e, name, shown, winograd, kernels, units, bf16, chosen) name,
const char *const conv_names[CONV_MODES] = {"auto", "winograd",
#include "conv_forms.def"
};
#undef FORM

/* clang-format on */

const ConvForm *conv_form_of(WinogradKind winograd, int kernels)
{
    for (int i = 0; i < CONV_FORMS; i++)
        if (conv_forms[i].winograd == winograd && conv_forms[i].kernels == kernels)
            return &conv_forms[i];
    die("no form of convolutions with matrices %d and kernels %d", (int)winograd, kernels);
}

bool contract_bf16(ConvMode form, bool bf16)
{
    return bf16 && (form < CONV_DIRECT || conv_form(form)->bf16);
}

ConvMode conv_parse(const char *text)
{
    return (ConvMode)name_choice("--conv", text, NAMES(conv_names, CONV_MODES));
}
