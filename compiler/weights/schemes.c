/* The list of naming schemes: see schemes.h. Each is defined next to the files that have it. */
#include "schemes.h"

#include <string.h>

#include "diffusers.h"
#include "keras.h"
#include "ldm.h"
#include "own.h"
#include "taesd.h"

const Scheme *const schemes[] = {&own_scheme,  &own_model_scheme, &diffusers_scheme, &ldm_scheme,
                                 &ldm1_scheme, &keras_scheme,     &keras1_scheme,    &taesd_scheme};
const int n_schemes = sizeof schemes / sizeof schemes[0];

const Scheme *scheme_find(const char *name)
{
    for (int i = 0; i < n_schemes; i++)
        if (!strcmp(schemes[i]->name, name))
            return schemes[i];
    return NULL;
}

/* Names without the model's name: the file is this model's unless a name is not. Other names: the
 * first that is this model's decides. */
bool checkpoint_serves(const Checkpoint *c, const char *model)
{
    bool plain = c->scheme == &own_model_scheme && rules_have_model(model);
    for (size_t i = 0; i < c->n; i++) {
        const char *name = c->tensors[i].name;
        bool fits = plain ? rules_have_path(model, name)
                          : c->scheme->owns(c->scheme, c, model, name);
        if (fits != plain)
            return fits;
    }
    return plain;
}
