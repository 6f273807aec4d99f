/* See build.h. */
#include "build.h"
#include "tune.h"
#include <string.h>

Program *program_for(const CodeFlags *f) {
    Program *p = program_new(target_for(f->target, dtype_parse(f->dtype)), fuse_parse(f->fuse ? f->fuse : "all"), conv_parse(f->conv), dtype_parse(f->dtype));
    p->optimize = optimize_parse(f->optimize);
    if (f->tune && p->conv != CONV_AUTO) usage_err("--tune: there is nothing to choose with --conv %s%s", conv_names[p->conv], p->fuse == FUSE_NONE ? " (nothing is fused)" : "");
    if (f->tune) p->tuning = tuning_open(f->tune);
    return p;
}

Model model_open(const Pipeline *l, const struct PipelineModel *m, int batch, bool guided, const FlagList *weights, const char *otherwise) {
    Model r = {.graph = pipeline_graph(m, batch, guided)};
    const char *spec = pipeline_weights(l, m, flags_for_model(weights, r.graph->name));
    if (!spec) spec = otherwise;
    if (!spec) usage_err("no weights for %s: give --weights FILE.safetensors or --weights synthetic:SEED", r.graph->name);
    r.weights = weights_open(spec, r.graph->name);
    weights_check(r.weights, r.graph);
    return r;
}

void model_close(Model *m) {
    weights_close(m->weights);
    graph_free(m->graph);
    memset(m, 0, sizeof *m);
}
