#include "contract_pack.h"
#include "winograd_pack.h"
#include <string.h>

void contract_pack_kernel(const PanelLayout *p, const float *kernel, float *out)
{
    if (p->winograd)
        winograd_pack_kernel(p, kernel, out);
    else
        panel_pack_plain(p, kernel, out);
}

void contract_pack_bias(const PanelLayout *p, const float *bias, float *out)
{
    size_t stored = (size_t)round_up(p->columns, PANEL_COLUMNS), n = (size_t)p->columns;
    memset(out, 0, (p->geglu ? 2 : 1) * stored * sizeof *out);
    memcpy(out, bias, n * sizeof *out);
    if (p->geglu)
        memcpy(out + stored, bias + n, n * sizeof *out);
}
