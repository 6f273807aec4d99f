/* The constants that runtime/plan.h declares, field by field. Every struct here mirrors one there;
 * a change there is a change here. */
#include "emit_plan.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Emit *e;
    const Stage *s;
    const V *functions; /* of the program's kernels */
} P;

static V i32(const Emit *e, int64_t n) { return LLVMConstInt(e->i32, (unsigned long long)n, 1); }
static V f64(const Emit *e, double x) { return LLVMConstReal(e->f64, x); }
static V structure(const Emit *e, V *fields, unsigned n)
{
    return LLVMConstStructInContext(e->ctx, fields, n, 0);
}
#define STRUCT(e, ...) structure(e, (V[]){__VA_ARGS__}, sizeof((V[]){__VA_ARGS__}) / sizeof(V))

static V global(const Emit *e, V value, const char *name, bool external)
{
    V g = LLVMAddGlobal(e->mod, LLVMTypeOf(value), name);
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, 1);
    LLVMSetLinkage(g, external ? LLVMExternalLinkage : LLVMPrivateLinkage);
    LLVMSetAlignment(g, 16);
    return g;
}

static V text(const Emit *e, const char *s)
{
    if (!s)
        return LLVMConstNull(e->ptr);
    V v = LLVMConstStringInContext2(e->ctx, s, strlen(s), 0);
    V g = global(e, v, "s", false);
    LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
    return g;
}

static V array(const Emit *e, V *items, int n)
{
    if (n == 0)
        return LLVMConstNull(e->ptr);
    return global(e, LLVMConstArray2(LLVMTypeOf(items[0]), items, (uint64_t)n), "a", false);
}

static V step_constant(const P *x, const Step *s)
{
    const Emit *e = x->e;
    V args[LRT_MAX_ARGS];
    for (int i = 0; i < s->n_args; i++) {
        const Mem *m = &x->s->mems[s->args[i]];
        args[i] = STRUCT(e, ci(e, m->offset), i32(e, m->buffer), i32(e, 0));
    }
    return STRUCT(e, x->functions[s->kernel], array(e, args, s->n_args), i32(e, s->n_args),
                  i32(e, s->tasks), text(e, s->name), text(e, s->kind), f64(e, s->flops),
                  f64(e, s->bytes), i32(e, s->round), i32(e, s->first));
}

static V plan_constant(const P *x, int plan)
{
    int n = 0;
    V *steps = xcalloc((size_t)x->s->n_steps + 1, sizeof *steps);
    for (int i = 0; i < x->s->n_steps; i++)
        if (x->s->steps[i].plan == plan)
            steps[n++] = step_constant(x, &x->s->steps[i]);
    V r = STRUCT(x->e, array(x->e, steps, n), i32(x->e, n), i32(x->e, 0));
    free(steps);
    return r;
}

static V io_constant(const Emit *e, const char *name, const Tensor *t)
{
    V dims[4];
    for (int i = 0; i < 4; i++)
        dims[i] = ci(e, i < t->shape.rank ? t->shape.dim[i] : 0);
    return STRUCT(e, text(e, name), i32(e, t->dtype == DT_F32 ? LRT_F32 : LRT_I32),
                  i32(e, t->shape.rank), LLVMConstArray2(e->i64, dims, 4));
}

static V stage_constant(const Emit *e, const Stage *s, const V *functions)
{
    const Graph *g = s->graph;
    P x = {e, s, functions};
    V in[64], out[64];
    CHECK(g->n_inputs <= 64 && g->n_outputs <= 64);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        in[i] = io_constant(e, tensor(g, g->inputs[i])->name, tensor(g, g->inputs[i]));
    for (uint32_t i = 0; i < g->n_outputs; i++)
        out[i] = io_constant(e, g->output_names[i], tensor(g, g->outputs[i]));
    bool time = false;
    for (int i = 0; i < s->n_steps; i++)
        time |= s->steps[i].plan == PLAN_TIME;
    V v = STRUCT(e, text(e, g->name), plan_constant(&x, PLAN_PROMPT), plan_constant(&x, PLAN_TIME),
                 plan_constant(&x, PLAN_STEP), array(e, in, (int)g->n_inputs),
                 array(e, out, (int)g->n_outputs), i32(e, g->n_inputs), i32(e, g->n_outputs),
                 i32(e, time ? 1 : 0), i32(e, 0), ci(e, s->weights_offset), ci(e, s->weights_bytes),
                 ci(e, s->arena_bytes), ci(e, s->prompt_bytes), ci(e, s->time_row_bytes),
                 ci(e, s->scratch_bytes));
    return global(e, v, "stage", false);
}

static V schedule_constant(const Emit *e, const lrt_schedule_config *s)
{
    return STRUCT(e, i32(e, s->train_steps), i32(e, s->beta_scaled_linear), f64(e, s->beta_start),
                  f64(e, s->beta_end), f64(e, s->final_alpha), f64(e, s->clip),
                  i32(e, s->prediction), i32(e, s->spacing), i32(e, s->steps_offset),
                  i32(e, s->karras), i32(e, s->previous), i32(e, s->final_sigma_least),
                  i32(e, s->full_order_last), i32(e, s->zero_snr), i32(e, s->prk_steps), i32(e, 0));
}

static V sizes_constant(const Emit *e, const lrt_pipeline *l)
{
    V sizes[MOST_SIZES];
    for (uint32_t i = 0; i < l->n_sizes; i++) {
        const lrt_size *s = &l->sizes[i];
        sizes[i] = STRUCT(e, i32(e, s->width), i32(e, s->height), i32(e, s->diffusion_model),
                          i32(e, s->decoder), i32(e, s->image_encoder));
    }
    return array(e, sizes, (int)l->n_sizes);
}

static V emit_pipeline(const Emit *e, const lrt_pipeline *l, V program)
{
    V v = STRUCT(e, text(e, l->name), program, i32(e, l->text_encoder), i32(e, l->diffusion_model),
                 i32(e, l->decoder), i32(e, l->image_encoder), i32(e, l->height), i32(e, l->width),
                 i32(e, l->max_text_length), i32(e, l->pad_token), i32(e, l->batched_guidance),
                 i32(e, l->time_width), schedule_constant(e, &l->schedule), i32(e, l->steps),
                 f64(e, l->cfg_scale), text(e, l->sampler), ci(e, l->seed), text(e, l->output),
                 text(e, l->prompt), sizes_constant(e, l), i32(e, l->n_sizes),
                 i32(e, l->round_nearest), text(e, l->weights_file), f64(e, l->latent_scale));
    return global(e, v, "latentrt_pipeline", true);
}

void emit_plan(const Program *p, const Emit *e, const V *functions)
{
    V stages[MOST_STAGES];
    for (int i = 0; i < p->n_stages; i++)
        stages[i] = stage_constant(e, p->stages[i], functions);
    V v = STRUCT(e, i32(e, LRT_PLAN_VERSION), i32(e, e->cpu), array(e, stages, p->n_stages),
                 i32(e, p->n_stages), i32(e, 0), ci(e, (int64_t)program_layout_hash(p)),
                 text(e, p->target->name), text(e, p->options), text(e, p->made_from));
    V program = global(e, v, "latentrt_program", true);
    if (!p->pipeline)
        return;
    LLVMSetVisibility(program, LLVMHiddenVisibility); /* a library shows its functions alone */
    LLVMSetVisibility(emit_pipeline(e, p->pipeline, program), LLVMHiddenVisibility);
}
