/* How reports name what a kernel does: its class and its convolution form. See bench.h. */
#include "bench.h"
#include "winograd.h"
#include <string.h>

const char *const class_names[CLASS_COUNT] = {"convolution", "dense", "attention", "norm", "other"};

int class_of(const char *kind)
{
    /* clang-format off */
    static const struct { const char *prefix; int class; } table[] = {
        {"conv", CLASS_CONV}, {"dense", CLASS_DENSE}, {"attention", CLASS_ATTENTION}, {"softmax", CLASS_ATTENTION}, {"groupnorm", CLASS_NORM}, {"layernorm", CLASS_NORM},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strncmp(kind, table[i].prefix, strlen(table[i].prefix)) == 0)
            return table[i].class;
    return CLASS_OTHER;
}

const char *contract_form(const Contract *c)
{
    if (c->winograd)
        return winograd_name(c);
    return c->kh * c->kw > 1 ? "direct" : "";
}
