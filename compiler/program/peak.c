/* See peak.h. */
#include "peak.h"
#include "alloc.h"

double program_add_peak(Program *p, Products of, int64_t iterations, int tasks)
{
    Graph *g = graph_new("peak");
    Stage *s = xcalloc(1, sizeof *s);
    Shape shape = shape1(64);
    s->graph = g;
    s->inputs[s->n_inputs++] = (StageIo){"unused", DT_F32, shape, BIND_STEP};
    s->outputs[s->n_outputs++] = (StageIo){"output", DT_F32, shape, BIND_STEP};
    stage_add_mem(s, (Mem){.bytes = 256, .buffer = LRT_BUF_IO + 1});
    Peak peak = {iterations, of == PRODUCTS_BF16 ? p->target->core : CORE_FMA, of == PRODUCTS_INT8};
    if (of == PRODUCTS_BF16 && target_tiles(p->target))
        peak.iterations /= 16; /* cycles of a tile product */
    int kernel = program_kernel(p, KERNEL_PEAK, &peak, "peak");
    stage_add_step(s, &(Step){.kernel = kernel,
                              .n_args = 1,
                              .plan = PLAN_STEP,
                              .tasks = tasks,
                              .round = tasks,
                              .first = tasks,
                              .name = "peak",
                              .kind = "peak"});
    p->stages[p->n_stages++] = s;
    return tasks * peak_flops(&peak, p->target);
}
