#include "unit_peak.h"
#include "tile_unit.h"

int peak_accumulators(const Target *t) { return t->mr[t->nr] * t->nr; }

double peak_flops(const Peak *p, const Target *t)
{
    bool tiles = p->core == CORE_AMX || p->core == CORE_AMX_MODEL;
    if (tiles)
        return 2.0 * (double)p->iterations * TILE_MOST * TILE_MOST * TILE_ROWS * TILE_COLUMNS *
               TILE_CHANNELS;
    double numbers = p->int8 ? 4 : p->core == CORE_BF16_DOT ? 2 : 1; /* in a lane */
    return 2 * numbers * (double)p->iterations * peak_accumulators(t) * t->lanes;
}
