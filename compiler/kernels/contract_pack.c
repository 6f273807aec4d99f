#include "contract_pack.h"
#include "contract_plan.h"
#include "panel.h"
#include "winograd_pack.h"
#include <string.h>

void contract_pack_kernel(const Contract *c, const float *kernel, float *out)
{
    if (c->winograd)
        winograd_pack_kernel(c, kernel, out);
    else
        panel_pack_direct(c, kernel, out);
}

void contract_pack_bias(const Contract *c, const float *bias, float *out)
{
    memset(out, 0, (size_t)contract_bias_floats(c) * 4);
    for (int64_t j = 0; j < c->blocks; j++)
        panel_pack_row(c, j, bias, out + j * c->nr * c->lanes);
}
