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

enum { YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 };

/* A feature: all bits of `bits` in a register of a leaf of CPUID, and the state that it takes. */
/* clang-format off */
static const struct {
    uint32_t leaf, part, reg, bits, state, feature;
} rows[] = {
    {1, 0, 2, 1u << 12, YMM, LRT_CPU_FMA},
    {1, 0, 2, 1u << 29, YMM, LRT_CPU_F16C},
    {7, 0, 1, 1u << 5, YMM, LRT_CPU_AVX2},
    /* F, DQ, CD, BW, VL */
    {7, 0, 1, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31, ZMM, LRT_CPU_AVX512},
    {7, 0, 2, 1u << 11, ZMM, LRT_CPU_AVX512_VNNI},
    {7, 1, 0, 1u << 4, YMM, LRT_CPU_AVX_VNNI},
    {7, 1, 0, 1u << 5, ZMM, LRT_CPU_AVX512_BF16},
    {7, 0, 3, 1u << 22 | 1u << 24, TILES, LRT_CPU_AMX_BF16}, /* with AMX-TILE */
    {7, 0, 3, 1u << 24 | 1u << 25, TILES, LRT_CPU_AMX_INT8},
};
/* clang-format on */

/* All zeros where the CPU has no such leaf or part of it. */
static void leaf(uint32_t number, uint32_t part, uint32_t r[4])
{
    uint32_t parts[4] = {0};
    r[0] = r[1] = r[2] = r[3] = 0;
    if (number == 7 && !__get_cpuid_count(7, 0, &parts[0], &parts[1], &parts[2], &parts[3]))
        return;
    if (part <= parts[0])
        __get_cpuid_count(number, part, &r[0], &r[1], &r[2], &r[3]);
}

uint32_t lrt_cpu_features(void)
{
    uint32_t r[4], have = 0;
    leaf(1, 0, r);
    if (!(r[2] >> 27 & 1)) /* OSXSAVE */
        return 0;
    uint64_t state = enabled_state();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        leaf(rows[i].leaf, rows[i].part, r);
        if ((r[rows[i].reg] & rows[i].bits) == rows[i].bits &&
            (state & rows[i].state) == rows[i].state)
            have |= rows[i].feature;
    }
    if (!(have & LRT_CPU_AVX512))
        have &= ~(uint32_t)(LRT_CPU_AVX512_BF16 | LRT_CPU_AVX512_VNNI);
    return have;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

uint32_t lrt_cpu_features(void)
{
    unsigned long have = getauxval(AT_HWCAP);
    return (have & 1ul << 1 /* HWCAP_ASIMD */ ? LRT_CPU_NEON : 0) |
           (have & 1ul << 20 /* HWCAP_ASIMDDP */ ? LRT_CPU_DOTPROD : 0);
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
        {LRT_CPU_AMX_BF16, "AMX BF16"},
        {LRT_CPU_NEON, "NEON"},
        {LRT_CPU_AVX_VNNI, "AVX-VNNI"},
        {LRT_CPU_AVX512_VNNI, "AVX-512 VNNI"},
        {LRT_CPU_AMX_INT8, "AMX INT8"},
        {LRT_CPU_DOTPROD, "Arm dot products"},
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
    if (needed & (LRT_CPU_AMX_BF16 | LRT_CPU_AMX_INT8) &&
        syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA))
        return lrt_fail(
            e,
            "the operating system does not let this process use AMX tiles (arch_prctl ARCH_REQ_XCOMP_PERM): it takes "
            "Linux 5.16 or newer, and a sandbox that allows it");
#endif
    (void)needed;
    (void)e;
    return true;
}
