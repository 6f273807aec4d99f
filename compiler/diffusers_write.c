/* A folder as diffusers' save_pretrained writes it: weights, and configs made of the pipeline's parameters and schedule. model_index.json comes last: until
 * then the folder is none. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graphfile.h"
#include "weights_convert.h"

/* A parameter of a graph: the pipeline's, else the graph's default. */
typedef struct { const struct PipelineModel *m; Json declared; } Params;

static ParamSet param(const Params *p, const char *name)
{
    for (int i = 0; i < p->m->n_params; i++)
        if (!strcmp(p->m->params[i].name, name))
            return p->m->params[i];
    Json d = json_need(p->declared, name);
    return param_from_json((Arena *)p->declared.doc, name, json_kind(d) == JSON_OBJECT ? json_need(d, "default") : d);
}
