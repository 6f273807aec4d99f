#include "target.h"
#include "../runtime/latentrt.h"
#include <llvm-c/Target.h>
#include <string.h>

static const Target table[] = {
#define TARGET(name, text, triple, cpu, feat, bits, lanes, nr, m1, m2, m3, m4, l2) \
    {name, text, triple, cpu, feat, bits, lanes, nr, {0, m1, m2, m3, m4}, l2},
#include "targets.def"
#undef TARGET
};
enum { N_TARGETS = sizeof table / sizeof table[0] };

const Target *target_table(int *n) {
    *n = N_TARGETS;
    return table;
}

bool target_is_host_arch(const Target *t) {
#if defined(__x86_64__)
    return strncmp(t->triple, "x86_64", 6) == 0;
#elif defined(__aarch64__)
    return strncmp(t->triple, "aarch64", 7) == 0;
#else
    (void)t;
    return false;
#endif
}

bool target_runs_here(const Target *t) {
    return target_is_host_arch(t) && (t->cpu_bits & ~lrt_cpu_features()) == 0;
}

const Target *target_find(const char *name) {
    const char *names[N_TARGETS + 1] = {"host"};
    const Target *host = NULL;
    for (int i = 0; i < N_TARGETS; i++) {
        names[i + 1] = table[i].name;
        if (strcmp(name, table[i].name) == 0) return &table[i];
        if (target_runs_here(&table[i])) host = &table[i];
    }
    if (strcmp(name, "host") == 0) {
        if (!host) err("no target of the table runs on this machine; name one with --target (see `latentc targets`)");
        return host;
    }
    const char *near = nearest_word(name, names, N_TARGETS + 1);
    usage_err("unknown target '%s'%s%s%s (see `latentc targets`)", name, near ? "; did you mean '" : "", near ? near : "",
              near ? "'?" : "");
}

LLVMTargetMachineRef target_machine(const Target *t) {
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
    if (LLVMGetTargetFromTriple(t->triple, &ref, &message)) die("LLVM has no target %s: %s", t->triple, message);
    LLVMTargetMachineRef m = LLVMCreateTargetMachine(ref, t->triple, t->cpu, t->features, LLVMCodeGenLevelDefault,
                                                     LLVMRelocPIC, LLVMCodeModelDefault);
    CHECK(m != NULL);
    return m;
}
