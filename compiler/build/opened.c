/* See opened.h. */
#include "opened.h"

#include <string.h>

#include "err.h"
#include "schemes.h"
#include "weights.h"

int opened_place(Opened *o, const char *spec)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->list[i]->spec, spec) == 0)
            return i;
    if (o->n == MOST_CHECKPOINTS)
        err("--weights: more than %d", MOST_CHECKPOINTS);
    o->list[o->n] = checkpoint_open(spec, &o->options);
    return o->n++;
}

bool opened_serves(void *context, const char *spec, const char *model)
{
    Opened *o = context;
    if (weights_synthetic(spec))
        return true;
    return checkpoint_serves(o->list[opened_place(o, spec)], model);
}

Checkpoint *opened_use(Opened *o, const char *spec)
{
    int i = opened_place(o, spec);
    o->used[i] = true;
    return o->list[i];
}

void opened_close_unused(Opened *o)
{
    for (int i = 0; i < o->n; i++)
        if (!o->used[i])
            checkpoint_close(o->list[i]);
}
