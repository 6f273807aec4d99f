#include "conv_forms.h"
#include "util.h"
#include <string.h>

const char *const conv_names[] = {"auto", "direct", "winograd", "f23",   "f43",
                                  "up",   "up43",   "f23s",     "f43s",  "f23u",
                                  "f43u", "f23x",   "f43x",     "f43xu", NULL};

ConvMode conv_parse(const char *text)
{
    for (int i = 0; conv_names[i]; i++)
        if (!strcmp(text, conv_names[i]))
            return (ConvMode)i;
    usage_err(
        "--conv: expected auto, direct, winograd, f23, f43, up, up43, f23s, f43s, f23u, f43u, f23x, f43x or f43xu, found \"%s\"",
        text);
}

const ConvMode conv_forms[CONV_FORMS] = {CONV_DIRECT, CONV_UP,   CONV_F23S,  CONV_F43S,
                                         CONV_F23U,   CONV_F43U, CONV_F43XU, CONV_F23X,
                                         CONV_F23,    CONV_F43X, CONV_UP43,  CONV_F43};

bool contract_bf16(ConvMode form, bool bf16)
{
    return bf16 && form != CONV_F43 && form != CONV_F43S && form != CONV_F43U;
}
