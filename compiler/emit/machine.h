/* LLVM's view of a target. */
#ifndef LATENTC_MACHINE_H
#define LATENTC_MACHINE_H
#include "target.h"
#include <llvm-c/TargetMachine.h>

/* A machine for code generation; position-independent. die() when LLVM lacks the target. The caller
 * disposes of it. */
LLVMTargetMachineRef target_machine(const Target *t);
#endif
