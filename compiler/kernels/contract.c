#include "contract.h"

int64_t contract_strip_lines(const Contract *c)
{
    return c->flat ? c->pixels : c->images * ((c->th - 1) * c->stride + c->kh);
}

int64_t contract_strip_pixels(const Contract *c)
{
    return contract_strip_lines(c) * (c->flat ? 1 : (c->tw - 1) * c->stride + c->kw);
}
