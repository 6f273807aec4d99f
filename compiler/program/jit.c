#include "jit.h"
#include "amx_model.h"
#include "codegen.h"
#include "compile.h"
#include "pack.h"
#include "progress.h"
#include "err.h"
#include "alloc.h"
#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <stdlib.h>
#include <string.h>

struct Engine {
    Program *lowered;
    LLVMOrcLLJITRef jit;
    const lrt_program *program;
    char *weights;
};

static void check(LLVMErrorRef failed)
{
    if (failed)
        die("LLVM JIT: %s", LLVMGetErrorMessage(failed));
}

typedef struct {
    char *to;
} Memory;
static void to_memory(void *user, const void *data, size_t n)
{
    Memory *m = user;
    memcpy(m->to, data, n);
    m->to += n;
}

/* Functions of this program that generated code calls by name. They are defined here because
 * programs do not export their symbols. */
static void define_model(LLVMOrcLLJITRef jit, LLVMOrcJITDylibRef lib)
{
#if defined(__x86_64__)
#define FUNCTION(f)      \
    {                    \
#f, (uintptr_t)f \
    }
    /* clang-format off */
    static const struct { const char *name; uintptr_t at; } functions[] = {
        FUNCTION(lrt_amx_model_config), FUNCTION(lrt_amx_model_release), FUNCTION(lrt_amx_model_zero), FUNCTION(lrt_amx_model_load),
        FUNCTION(lrt_amx_model_store), FUNCTION(lrt_amx_model_dot), FUNCTION(lrt_amx_model_dot_int8),
    };
    /* clang-format on */
    enum { N = sizeof functions / sizeof functions[0] };
    LLVMOrcCSymbolMapPair symbols[N];
    const LLVMJITSymbolFlags flags = {
        LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0};
    for (int i = 0; i < N; i++)
        symbols[i] = (LLVMOrcCSymbolMapPair){LLVMOrcLLJITMangleAndIntern(jit, functions[i].name),
                                             {functions[i].at, flags}};
    check(LLVMOrcJITDylibDefine(lib, LLVMOrcAbsoluteSymbols(symbols, N)));
#else
    (void)jit, (void)lib;
#endif
}

/* The address of a constant in the code. */
static const void *find(const Engine *e, const char *name)
{
    LLVMOrcExecutorAddress at;
    check(LLVMOrcLLJITLookup(e->jit, &at, name));
    return (const void *)(uintptr_t)at;
}

Engine *engine_load(const Target *t, const Code *object)
{
    lrt_error why;
    if (!target_is_host_arch(t) || !lrt_cpu_check(object->cpu, &why))
        return NULL;
    if (!lrt_cpu_enable(object->cpu, &why))
        err("%s", why.text);
    Engine *e = xcalloc(1, sizeof *e);
    LLVMMemoryBufferRef copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(object->data,
                                                                         object->bytes, "program");
    check(LLVMOrcCreateLLJIT(&e->jit, NULL));
    LLVMOrcJITDylibRef lib = LLVMOrcLLJITGetMainJITDylib(e->jit);
    LLVMOrcDefinitionGeneratorRef process;
    check(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
        &process, LLVMOrcLLJITGetGlobalPrefix(e->jit), NULL, NULL));
    /* memset, memcpy */
    LLVMOrcJITDylibAddGenerator(lib, process);
    define_model(e->jit, lib);
    check(LLVMOrcLLJITAddObjectFile(e->jit, lib, copy));
    e->program = find(e, "latentrt_program");
    return e;
}

Engine *engine_new(Program *p, WeightSource *const *source)
{
    Code code = {0};
    if (target_is_host_arch(p->target))
        code = program_emit(p, OUT_OBJ);
    Engine *e = code.data ? engine_load(p->target, &code) : NULL;
    if (!e)
        err("target %s does not run on this machine: compile to a file instead (latentc compile --emit exe)",
            p->target->name);
    code_free(&code);
    e->lowered = p;
    if (!source)
        return e;
    e->weights = aligned_alloc(4096, (size_t)p->weights_bytes + 4096);
    if (!e->weights)
        err("out of memory for %.0f MB of packed weights", (double)p->weights_bytes / 1e6);
    Memory m = {e->weights};
    program_pack(p, source, to_memory, &m);
    return e;
}

const lrt_pipeline *engine_pipeline(const Engine *e) { return find(e, "latentrt_pipeline"); }
const lrt_program *engine_program(const Engine *e) { return e->program; }
const Program *engine_lowered(const Engine *e) { return e->lowered; }
const void *engine_weights(const Engine *e, int stage)
{
    return e->weights + e->program->stages[stage]->weights_offset;
}

void engine_free(Engine *e)
{
    check(LLVMOrcDisposeLLJIT(e->jit));
    free(e->weights);
    if (e->lowered)
        program_free(e->lowered);
    free(e);
}

void jit_run_program(Program *p, WeightSource *w, const GraphRun *run)
{
    const Graph *g = p->stages[0]->graph;
    Engine *e = engine_new(p, &w);
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(e->program->stages[0], engine_weights(e, 0), run->threads,
                                       &failed);
    if (!x)
        err("%s", failed);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        lrt_set_input(x, i, run->inputs[i]);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        lrt_set_output(x, i, run->outputs[i]);
    lrt_run_all(x);
    for (int i = 0; run->seconds && i < run->repeat; i++) {
        double start = lrt_now();
        lrt_run_all(x);
        run->seconds[i] = lrt_now() - start;
    }
    lrt_instance_free(x);
    engine_free(e);
}

void jit_run_graph(Graph *g, WeightSource *w, Program *p, const GraphRun *run)
{
    program_add(p, g);
    jit_run_program(p, w, run);
}
