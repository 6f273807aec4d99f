#include "unit_peak.h"
#include "tile_unit.h"

int peak_accumulators(const Target *t) { return t->mr[t->nr] * t->nr; }

double peak_flops(const Peak *p, const Target *t)
{
    bool tiles = p->core == CORE_AMX || p->core == CORE_AMX_MODEL;
    if (tiles)
        return 2.0 * (double)p->iterations * TILE_MOST * TILE_MOST * TILE_ROWS * TILE_COLUMNS *
               TILE_CHANNELS;
    return (p->core == CORE_BF16_DOT ? 4.0 : 2.0) * (double)p->iterations * peak_accumulators(t) *
           t->lanes;
}
