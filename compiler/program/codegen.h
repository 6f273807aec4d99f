/* From a lowered program to an object file. Shows no LLVM types. */
#ifndef LATENTC_CODEGEN_H
#define LATENTC_CODEGEN_H
#include "program.h"

/* Object file, assembly, LLVM IR as text, bitcode. */
typedef enum { OUT_OBJ, OUT_ASM, OUT_LL, OUT_BC } OutKind;
/* `bytes` bytes of any of these; no 0 follows. cpu: LRT_CPU_* that the code needs. */
typedef struct {
    char *data;
    size_t bytes;
    uint32_t cpu;
} Code;

/* Emits every kernel, then the plan (latentrt_program, and latentrt_pipeline where p->pipeline is
 * set), and generates code. die() when LLVM refuses. code_free() frees the result. */
Code program_emit(const Program *p, OutKind kind);
/* Frees the data and sets all to 0. */
void code_free(Code *c);

/* Writes the version of the LLVM that generates the code, for example "22.1.8", to n bytes at out.
 */
void llvm_version(char *out, size_t n);
#endif
