#include "target.h"
#include "cpu.h"
#include <string.h>

#define ROW(e, name) #name,
const char *const core_names[CORE_COUNT] = {CORES(ROW)};
#undef ROW

const char *const product_names[PRODUCTS_KINDS] = {"f32", "bf16", "int8"};

/* clang-format off */
static const Target table[] = {
#define TARGET(name, text, triple, cpu, feat, bits, lanes, nr, m1, m2, m3, m4, l2, core, dot8) \
    {name, text, triple, cpu, feat, bits, lanes, nr, {0, m1, m2, m3, m4}, l2, core, dot8},
#include "targets.def"
#undef TARGET
};
/* clang-format on */
enum { N_TARGETS = sizeof table / sizeof table[0] };

const Target *target_table(int *n)
{
    *n = N_TARGETS;
    return table;
}

bool target_is_host_arch(const Target *t)
{
#if defined(__x86_64__)
    return strncmp(t->triple, "x86_64", 6) == 0;
#elif defined(__aarch64__)
    return strncmp(t->triple, "aarch64", 7) == 0;
#else
    (void)t;
    return false;
#endif
}

uint32_t target_cpu_bits(const Target *t)
{
    static const uint32_t core[] = {[CORE_BF16_DOT] = LRT_CPU_AVX512_BF16,
                                    [CORE_AMX] = LRT_CPU_AVX512_BF16 | LRT_CPU_AMX_BF16,
                                    [CORE_AMX_MODEL] = 0};
    static const uint32_t dot8[] = {[DOT8_VNNI512] = LRT_CPU_AVX512_VNNI,
                                    [DOT8_VNNI256] = LRT_CPU_AVX_VNNI,
                                    [DOT8_SDOT] = LRT_CPU_DOTPROD};
    return t->cpu_bits | core[t->core] | dot8[t->dot8];
}

bool target_runs_here(const Target *t)
{
    return target_is_host_arch(t) && (target_cpu_bits(t) & ~lrt_cpu_features()) == 0;
}

#if defined(__x86_64__)
#include "progress.h"
#include "err.h"
#include "words.h"

/* Ten independent instructions; the registers' contents do not matter. */
/* clang-format off */
#define TEN(op) \
    __asm__ volatile(op " %%zmm31, %%zmm31, %%zmm0\n" op " %%zmm31, %%zmm31, %%zmm1\n" op " %%zmm31, %%zmm31, %%zmm2\n" \
                     op " %%zmm31, %%zmm31, %%zmm3\n" op " %%zmm31, %%zmm31, %%zmm4\n" op " %%zmm31, %%zmm31, %%zmm5\n" \
                     op " %%zmm31, %%zmm31, %%zmm6\n" op " %%zmm31, %%zmm31, %%zmm7\n" op " %%zmm31, %%zmm31, %%zmm8\n" \
                     op " %%zmm31, %%zmm31, %%zmm9\n" \
                     ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9")
/* clang-format on */

static double rounds(bool dot, int n)
{
    double start = lrt_now();
    for (int k = 0; k < n; k++) {
        if (dot)
            TEN("vdpbf16ps");
        else
            TEN("vfmadd231ps");
    }
    return lrt_now() - start;
}

/* vdpbf16ps does two multiply-adds a lane. Some CPUs issue it at the rate of multiply-adds, others
 * at half of it or less: worth nothing. Measured, as a CPU's name may be wrong; the best of five
 * rounds of about 10 microseconds. Call it only where the instruction is. */
static bool measure_bf16_dot(void)
{
    double best[2] = {1, 1};
    for (int i = 0; i < 10; i++) {
        double t = rounds(i & 1, 4000);
        if (t < best[i & 1])
            best[i & 1] = t;
    }
    return best[1] < 1.4 * best[0];
}
#else
static bool measure_bf16_dot(void) { return false; }
#endif

/* Measured once a program, so that the host is the same row each time. */
static bool bf16_dot_pays(void)
{
    static int pays = -1;
    if (pays < 0)
        pays = measure_bf16_dot();
    return pays;
}

/* May it be the row of this host? A core for bf16 or int8 is worth nothing to f32, and its CPU bits
 * and blocking may not fit. */
static bool host_takes(const Target *t, Products of)
{
    if (!target_runs_here(t))
        return false;
    switch (t->core) {
    case CORE_FMA: return of == PRODUCTS_INT8 || !target_int8_alone(t);
    case CORE_BF16_DOT: return of != PRODUCTS_F32 && bf16_dot_pays();
    case CORE_AMX: return of != PRODUCTS_F32;
    case CORE_AMX_MODEL: return false;
    }
    return false;
}

const Target *target_for(const char *name, Products of)
{
    const char *names[N_TARGETS + 1];
    for (int i = 0; i < N_TARGETS; i++)
        names[i] = table[i].name;
    names[N_TARGETS] = "host";
    int chosen = name_choice("--target", name, NAMES(names, N_TARGETS + 1));
    if (chosen < N_TARGETS)
        return &table[chosen];
    for (int i = N_TARGETS; i-- > 0;)
        if (host_takes(&table[i], of))
            return &table[i];
    err("no target of the table runs on this machine; name one with --target (see `latentc targets`)");
}
