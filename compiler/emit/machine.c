#include "machine.h"
#include "err.h"
#include <llvm-c/Target.h>
#include <stddef.h>

LLVMTargetMachineRef target_machine(const Target *t)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMTargetRef ref;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(t->triple, &ref, &message))
        die("LLVM has no target %s: %s", t->triple, message);
    LLVMTargetMachineRef m = LLVMCreateTargetMachine(ref, t->triple, t->cpu, t->features,
                                                     LLVMCodeGenLevelDefault, LLVMRelocPIC,
                                                     LLVMCodeModelDefault);
    CHECK(m != NULL);
    return m;
}
