#include "contract_pack.h"
#include "winograd_pack.h"
#include <string.h>

void contract_pack_kernel(const PanelLayout *p, const float *kernel, float *out)
{
    if (p->winograd)
        winograd_pack_kernel(p, kernel, out);
    else
        panel_pack_direct(p, kernel, out);
}

void contract_pack_bias(const PanelLayout *p, const float *bias, float *out)
{
    memset(out, 0, (size_t)(p->blocks * p->nr * p->lanes) * 4);
    for (int64_t j = 0; j < p->blocks; j++)
        panel_pack_row(p, j, bias, out + j * p->nr * p->lanes);
}
