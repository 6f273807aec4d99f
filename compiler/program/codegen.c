/* Code generation: kernels in order, the plan's constants, LLVM's passes, an object or text. */
#include "codegen.h"
#include "emit_kernel.h"
#include "emit_plan.h"
#include "machine.h"
#include "err.h"
#include "alloc.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One function for every kernel of the program, in order. */
static void emit_kernels(Emit *e, const Program *p, V *functions)
{
    for (int i = 0; i < p->n_kernels; i++)
        functions[i] = emit_kernel(e, p->kernels[i].kind, p->kernels[i].description,
                                   p->kernels[i].name);
}

static void optimise(LLVMModuleRef mod, LLVMTargetMachineRef machine)
{
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    /* Emitters have vectorised and unrolled the kernels. */
    LLVMPassBuilderOptionsSetLoopVectorization(o, 0);
    LLVMPassBuilderOptionsSetSLPVectorization(o, 0);
    LLVMPassBuilderOptionsSetLoopUnrolling(o, 0);
    LLVMErrorRef failed = LLVMRunPasses(
        mod,
        "function(sroa,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,loop-simplify,lcssa,"
        "loop-mssa(loop-rotate,licm),gvn,instcombine<no-verify-fixpoint>,simplifycfg),globaldce",
        machine, o);
    if (failed)
        die("LLVM: %s", LLVMGetErrorMessage(failed));
    LLVMDisposePassBuilderOptions(o);
}

static Code copy_of(const char *data, size_t n)
{
    Code c = {.data = xmalloc(n), .bytes = n};
    memcpy(c.data, data, n);
    return c;
}

static Code code_of_buffer(LLVMMemoryBufferRef b)
{
    Code c = copy_of(LLVMGetBufferStart(b), LLVMGetBufferSize(b));
    LLVMDisposeMemoryBuffer(b);
    return c;
}

static Code write_module(LLVMModuleRef mod, LLVMTargetMachineRef machine, const Target *t,
                         OutKind kind)
{
    char *message = NULL;
    LLVMMemoryBufferRef out = NULL;
    if (kind == OUT_LL) {
        char *text = LLVMPrintModuleToString(mod);
        Code c = copy_of(text, strlen(text));
        LLVMDisposeMessage(text);
        return c;
    }
    if (kind == OUT_BC)
        return code_of_buffer(LLVMWriteBitcodeToMemoryBuffer(mod));
    if (LLVMTargetMachineEmitToMemoryBuffer(
            machine, mod, kind == OUT_ASM ? LLVMAssemblyFile : LLVMObjectFile, &message, &out))
        die("LLVM cannot emit code for %s: %s", t->name, message);
    return code_of_buffer(out);
}

static void prepare_module(LLVMModuleRef mod, LLVMTargetMachineRef machine, const Target *t)
{
    char *message = NULL;
    LLVMSetTarget(mod, t->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(mod, layout);
    LLVMDisposeTargetData(layout);
    if (LLVMVerifyModule(mod, LLVMReturnStatusAction, &message))
        die("the emitted module is not valid: %s", message);
    LLVMDisposeMessage(message); /* empty without an error, but allocated */
    optimise(mod, machine);
}

Code program_emit(const Program *p, OutKind kind)
{
    Emit *e = emit_new(p->target);
    V *functions = xcalloc((size_t)p->n_kernels + 1, sizeof *functions);
    emit_kernels(e, p, functions);
    emit_plan(p, e, functions);
    free(functions);
    LLVMTargetMachineRef machine = target_machine(p->target);
    prepare_module(e->mod, machine, p->target);
    Code c = write_module(e->mod, machine, p->target, kind);
    c.cpu = e->cpu;
    LLVMDisposeTargetMachine(machine);
    LLVMContextRef ctx = e->ctx;
    LLVMDisposeModule(e->mod);
    emit_free(e);
    LLVMContextDispose(ctx);
    return c;
}

void code_free(Code *c)
{
    free(c->data);
    *c = (Code){0};
}

void llvm_version(char *out, size_t n)
{
    unsigned major, minor, patch;
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(out, n, "%u.%u.%u", major, minor, patch);
}
