/* See conv_forms.h. */
#include "conv_forms.h"

const ConvMode conv_forms[CONV_FORMS] = {CONV_DIRECT, CONV_UP,   CONV_F23S,  CONV_F43S,
                                         CONV_F23U,   CONV_F43U, CONV_F43XU, CONV_F23X,
                                         CONV_F23,    CONV_F43X, CONV_UP43,  CONV_F43};

bool contract_bf16(ConvMode form, bool bf16)
{
    return bf16 && form != CONV_F43 && form != CONV_F43S && form != CONV_F43U;
}
