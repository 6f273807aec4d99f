#include "sums.h"

Sums sums_of_rows(int64_t batch, int64_t rows, int64_t c)
{
    int64_t blocks = min64(rows / SUMS_ROWS, SUMS_BLOCKS), block;
    block = ceil_div(rows, blocks < 1 ? 1 : blocks);
    return (Sums){.batch = batch,
                  .c = c,
                  .blocks = ceil_div(rows, block),
                  .per_line = 1,
                  .tw = 1,
                  .th = block,
                  .ow = 1,
                  .oh = rows};
}

Sums sums_of_contract(const Contract *c)
{
    int64_t pixels = c->oh * c->ow;
    Sums s = {.batch = c->batch,
              .c = c->co,
              .blocks = c->strips_x * c->strips_y,
              .per_line = 1,
              .tw = 1,
              .th = c->pixels,
              .ow = 1,
              .oh = pixels,
              .bounds = c->epilogue.has_bounds};
    if (c->flat)
        return s;
    s.per_line = c->strips_x;
    s.tw = c->tw;
    s.th = c->th;
    s.ow = c->ow;
    s.oh = c->oh;
    return s;
}
