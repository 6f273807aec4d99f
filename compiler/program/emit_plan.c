/* The constants that runtime/system/plan.h declares. The rows of plan.def say which fields a struct
 * has, in which order and of which type. Each function here has a value for every row: a local
 * variable of its name, or a member of the struct that VALUE names. A row without one does not
 * compile. */
#include "emit_plan.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Emit *e;
    const Stage *s;
    /* Of the program's kernels. */
    const V *functions;
} PlanEmitter;

static V i32(const Emit *e, int64_t n) { return LLVMConstInt(e->i32, (unsigned long long)n, 1); }
static V f64(const Emit *e, double x) { return LLVMConstReal(e->f64, x); }

/* Numbers come from VALUE(name). Globals that fields point to, and structs, are made in
 * local variables first, so that their order in the module is the order of the statements. */
#define LRT_U32(name) i32(e, VALUE(name)),
#define LRT_I32(name) i32(e, VALUE(name)),
#define LRT_U64(name) ci(e, (int64_t)(VALUE(name))),
#define LRT_I64(name) ci(e, VALUE(name)),
#define LRT_F64(name) f64(e, VALUE(name)),
#define LRT_TEXT(name) name,
#define LRT_POINTER(type, name) name,
#define LRT_STRUCT(type, name) name,
#define LRT_I64_ARRAY(name, count) LLVMConstArray2(e->i64, name, count),
#define LRT_RESERVED(name) i32(e, 0),

#define STRUCT(fields) LLVMConstStructInContext(e->ctx, fields, sizeof fields / sizeof *fields, 0)

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

/* clang-format off */
#define VALUE(name) m->name
static V arg_constant(const Emit *e, const Mem *m)
{
    V fields[] = {
#define LRT_FIELDS_OF_ARG
#include "plan.def"
    };
    return STRUCT(fields);
}
#undef VALUE

#define VALUE(name) s->name
static V step_constant(const PlanEmitter *x, const Step *s)
{
    const Emit *e = x->e;
    V arg[LRT_MAX_ARGS];
    for (int i = 0; i < s->n_args; i++)
        arg[i] = arg_constant(e, &x->s->mems[s->args[i]]);
    V kernel = x->functions[s->kernel], args = array(e, arg, s->n_args);
    V name = text(e, s->name), kind = text(e, s->kind);
    V fields[] = {
#define LRT_FIELDS_OF_STEP
#include "plan.def"
    };
    return STRUCT(fields);
}

static V schedule_constant(const Emit *e, const lrt_schedule_config *s)
{
    V fields[] = {
#define LRT_FIELDS_OF_SCHEDULE_CONFIG
#include "plan.def"
    };
    return STRUCT(fields);
}

static V size_constant(const Emit *e, const lrt_size *s)
{
    V fields[] = {
#define LRT_FIELDS_OF_SIZE
#include "plan.def"
    };
    return STRUCT(fields);
}
#undef VALUE

#define VALUE(name) name
/* The steps of the plans from `first` to `last`, which run in one walk. */
static V plan_constant(const PlanEmitter *x, int first, int last)
{
    const Emit *e = x->e;
    int n_steps = 0;
    V *step = xcalloc((size_t)x->s->n_steps + 1, sizeof *step);
    for (int i = 0; i < x->s->n_steps; i++)
        if (x->s->steps[i].plan >= first && x->s->steps[i].plan <= last)
            step[n_steps++] = step_constant(x, &x->s->steps[i]);
    V steps = array(e, step, n_steps);
    free(step);
    V fields[] = {
#define LRT_FIELDS_OF_PLAN
#include "plan.def"
    };
    return STRUCT(fields);
}

static V io_constant(const Emit *e, const StageIo *t)
{
    V dim[4], name = text(e, t->name);
    int dtype = t->dtype == DT_F32 ? LRT_F32 : LRT_I32, rank = t->shape.rank;
    for (int i = 0; i < 4; i++)
        dim[i] = ci(e, i < rank ? t->shape.dim[i] : 0);
    V fields[] = {
#define LRT_FIELDS_OF_IO
#include "plan.def"
    };
    return STRUCT(fields);
}

static V program_constant(const Program *p, const Emit *e, V stages)
{
    uint64_t layout_hash = program_layout_hash(p);
    int version = LRT_PLAN_VERSION, n_stages = p->n_stages;
    uint32_t cpu = e->cpu;
    V target = text(e, p->target->name), options = text(e, p->options);
    V made_from = text(e, p->made_from);
    V fields[] = {
#define LRT_FIELDS_OF_PROGRAM
#include "plan.def"
    };
    return STRUCT(fields);
}

static bool has_plan(const Stage *s, int plan)
{
    for (int i = 0; i < s->n_steps; i++)
        if (s->steps[i].plan == plan)
            return true;
    return false;
}

static V stage_constant(const Emit *e, const Stage *s, const V *functions)
{
    PlanEmitter x = {e, s, functions};
    V in[MOST_IO], out[MOST_IO];
    int n_inputs = (int)s->n_inputs, n_outputs = (int)s->n_outputs;
    for (int i = 0; i < n_inputs; i++)
        in[i] = io_constant(e, &s->inputs[i]);
    for (int i = 0; i < n_outputs; i++)
        out[i] = io_constant(e, &s->outputs[i]);
    V name = text(e, s->graph->name), prompt = plan_constant(&x, PLAN_PROMPT, PLAN_PROMPT);
    V time = plan_constant(&x, PLAN_TIME, PLAN_TIME);
    V step = plan_constant(&x, PLAN_INTERVAL, PLAN_STEP);
    int shortest = has_plan(s, PLAN_INTERVAL) ? PLAN_STEP : PLAN_COUNT; /* none: no short step */
    V short_step = plan_constant(&x, shortest, PLAN_STEP);
    V inputs = array(e, in, n_inputs), outputs = array(e, out, n_outputs);
    int time_rows = has_plan(s, PLAN_TIME) ? 1 : 0, cache_level = s->graph->cache_level;
    int64_t weights_offset = s->weights_offset, weights_bytes = s->weights_bytes;
    int64_t arena_bytes = s->arena_bytes, prompt_bytes = s->prompt_bytes;
    int64_t time_row_bytes = s->time_row_bytes, scratch_bytes = s->scratch_bytes;
    int64_t interval_bytes = s->interval_bytes;
    V fields[] = {
#define LRT_FIELDS_OF_STAGE
#include "plan.def"
    };
    return global(e, STRUCT(fields), "stage", false);
}
#undef VALUE

static V sizes_constant(const Emit *e, const lrt_pipeline *l)
{
    V sizes[MOST_SIZES];
    for (uint32_t i = 0; i < l->n_sizes; i++)
        sizes[i] = size_constant(e, &l->sizes[i]);
    return array(e, sizes, (int)l->n_sizes);
}

#define VALUE(name) l->name
static V pipeline_constant(const Emit *e, const lrt_pipeline *l, V program)
{
    V name = text(e, l->name), schedule = schedule_constant(e, &l->schedule);
    V sampler = text(e, l->sampler), output = text(e, l->output), prompt = text(e, l->prompt);
    V sizes = sizes_constant(e, l), weights_file = text(e, l->weights_file);
    V fields[] = {
#define LRT_FIELDS_OF_PIPELINE
#include "plan.def"
    };
    return STRUCT(fields);
}
#undef VALUE
/* clang-format on */

void emit_plan(const Program *p, const Emit *e, const V *functions)
{
    V stages[MOST_STAGES];
    for (int i = 0; i < p->n_stages; i++)
        stages[i] = stage_constant(e, p->stages[i], functions);
    V all = array(e, stages, p->n_stages);
    V program = global(e, program_constant(p, e, all), "latentrt_program", true);
    if (!p->pipeline)
        return;
    V constants = global(e, pipeline_constant(e, p->pipeline, program), "latentrt_pipeline", true);
    LLVMSetVisibility(program, LLVMHiddenVisibility); /* a library shows only its functions */
    LLVMSetVisibility(constants, LLVMHiddenVisibility);
}
