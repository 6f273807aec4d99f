/* Products of bytes (dot_int8), bit for bit against plain C: every target that runs here, random
 * numbers and the greatest ones, which overflow 16 bits where pairs of products are added in them.
 */
#include "emit_int8.h"
#include "cpu.h"
#include "err.h"
#include "machine.h"
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 16, ROUNDS = 1000 };
typedef struct {
    uint8_t a[4 * MOST];
    int8_t b[4 * MOST];
    int32_t acc[MOST];
} Operands;
typedef void Kernel(void *const *args, int64_t task, void *scratch);

static V words_at(Emit *e, int i)
{
    V words = LLVMBuildLoad2(e->b, int_type(e, e->t->lanes), arg(e, i), "");
    LLVMSetAlignment(words, 1);
    return words;
}

/* args: a, b, acc, which becomes the sum. */
static LLVMMemoryBufferRef kernel_for(const Target *t)
{
    Emit *e = emit_new(t);
    V kernel = kernel_begin(e, "products");
    LLVMSetLinkage(kernel, LLVMExternalLinkage);
    V sum = dot_int8(e, words_at(e, 2), words_at(e, 0), words_at(e, 1));
    LLVMSetAlignment(LLVMBuildStore(e->b, sum, arg(e, 2)), 1);
    kernel_end(e);
    assert_int_equal(e->cpu & ~target_cpu_bits(t), 0);
    LLVMTargetMachineRef machine = target_machine(t);
    LLVMSetTarget(e->mod, t->triple);
    LLVMMemoryBufferRef object;
    char *said = NULL;
    assert_false(
        LLVMTargetMachineEmitToMemoryBuffer(machine, e->mod, LLVMObjectFile, &said, &object));
    LLVMDisposeTargetMachine(machine);
    LLVMDisposeModule(e->mod);
    LLVMContextDispose(e->ctx);
    emit_free(e);
    return object;
}

/* b is never -128: quantised weights are symmetric. */
static void fill(Operands *o, uint32_t *seed, bool greatest)
{
    static const uint8_t far_a[] = {0, 255, 255, 128};
    static const int8_t far_b[] = {-127, 127, -127, 0};
    for (int i = 0; i < 4 * MOST; i++) {
        *seed = *seed * 1664525 + 1013904223;
        o->a[i] = greatest ? far_a[*seed >> 30] : (uint8_t)(*seed >> 24);
        o->b[i] = greatest ? far_b[*seed >> 28 & 3]
                           : (int8_t)((int)(*seed >> 16 & 255) % 255 - 127);
    }
    for (int i = 0; i < MOST; i++)
        o->acc[i] = (int32_t)(*seed >> 8) - (i << 20);
}

static void check(const Target *t, Kernel *run)
{
    uint32_t seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        Operands o;
        fill(&o, &seed, round % 2);
        int32_t want[MOST];
        for (int i = 0; i < t->lanes; i++) {
            want[i] = o.acc[i];
            for (int k = 4 * i; k < 4 * i + 4; k++)
                want[i] += o.a[k] * o.b[k];
        }
        run((void *const[]){o.a, o.b, o.acc}, 0, NULL);
        assert_memory_equal(o.acc, want, (size_t)t->lanes * sizeof *want);
    }
}

static void products(void **state)
{
    (void)state;
    int n, ran = 0;
    const Target *table = target_table(&n);
    for (const Target *t = table; t < table + n; t++) {
        if (!target_runs_here(t) || t->dot8 == DOT8_NEON || t->dot8 == DOT8_SDOT)
            continue; /* Arm's sums lack a multiple of b: e2e/test_aarch64 */
        LLVMMemoryBufferRef object = kernel_for(t);
        LLVMOrcLLJITRef jit;
        LLVMOrcExecutorAddress at;
        assert_null(LLVMOrcCreateLLJIT(&jit, NULL));
        assert_null(LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), object));
        assert_null(LLVMOrcLLJITLookup(jit, &at, "products"));
        check(t, (Kernel *)(uintptr_t)at);
        assert_null(LLVMOrcDisposeLLJIT(jit));
        ran++;
    }
    if (!ran)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products)};
    return cmocka_run_group_tests_name("products of bytes", tests, NULL, NULL);
}
