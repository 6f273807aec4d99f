/* See cpu.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cpu.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t enabled_state(void) /* XCR0: register files that the operating system saves */
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

uint32_t lrt_cpu_features(void)
{
    enum { YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };
    uint32_t a, b, c, d, have = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1))
        return 0;
    uint64_t state = enabled_state();
    bool ymm = (state & YMM) == YMM, zmm = (state & ZMM) == ZMM, tiles = (state & TILES) == TILES;
    if (ymm && c >> 12 & 1)
        have |= LRT_CPU_FMA;
    if (ymm && c >> 29 & 1)
        have |= LRT_CPU_F16C;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return have;
    if (ymm && b >> 5 & 1)
        have |= LRT_CPU_AVX2;
    const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 |
                            1u << 31; /* F, DQ, CD, BW, VL */
    if (zmm && (b & avx512) == avx512)
        have |= LRT_CPU_AVX512;
    if (have & LRT_CPU_AVX512 && c >> 11 & 1)
        have |= LRT_CPU_AVX512_VNNI;
    if (tiles && d >> 22 & 1 && d >> 24 & 1)
        have |= LRT_CPU_AMX_BF16;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && have & LRT_CPU_AVX512 && a >> 5 & 1)
        have |= LRT_CPU_AVX512_BF16;
    return have;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

uint32_t lrt_cpu_features(void)
{
    return getauxval(AT_HWCAP) & 1ul << 1 /* HWCAP_ASIMD */ ? LRT_CPU_NEON : 0;
}
#else
uint32_t lrt_cpu_features(void) { return 0; }
#endif

bool lrt_cpu_check(uint32_t needed, lrt_error *e)
{
    /* clang-format off */
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        /* clang-format on */
        {LRT_CPU_AVX2, "AVX2"},
        {LRT_CPU_FMA, "FMA"},
        {LRT_CPU_F16C, "F16C"},
        {LRT_CPU_AVX512, "AVX-512 (F, BW, DQ, VL, CD)"},
        {LRT_CPU_AVX512_BF16, "AVX-512 BF16"},
        {LRT_CPU_AVX512_VNNI, "AVX-512 VNNI"},
        {LRT_CPU_AMX_BF16, "AMX BF16"},
        {LRT_CPU_NEON, "NEON"},
    };
    char list[256] = "";
    size_t n = 0;
    uint32_t missing = needed & ~lrt_cpu_features();
    if (!missing)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names && n < sizeof list; i++)
        if (missing & names[i].bit)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", names[i].name);
    return lrt_fail(
        e, "this CPU (or its operating system) lacks what the program was compiled for: %s", list);
}

/* Linux saves tiles (8 KiB per thread) only for processes that request it. Without that, the
 * first tile instruction raises SIGILL. The permission holds for all threads. */
bool lrt_cpu_enable(uint32_t needed, lrt_error *e)
{
#if defined(__x86_64__)
    enum {
        REQUEST_PERMISSION = 0x1023,
        TILE_DATA = 18
    }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    if (needed & LRT_CPU_AMX_BF16 && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA))
        return lrt_fail(
            e,
            "the operating system does not let this process use AMX tiles (arch_prctl ARCH_REQ_XCOMP_PERM): it takes "
            "Linux 5.16 or newer, and a sandbox that allows it");
#endif
    (void)needed;
    (void)e;
    return true;
}
