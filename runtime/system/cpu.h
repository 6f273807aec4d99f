/* The instruction sets of the CPU. cpu.c is compiled for the
 * baseline instruction set, so that it can run before anything that needs more. */
#ifndef LATENTRT_CPU_H
#define LATENTRT_CPU_H
#include <stdint.h>

#include "error.h"
#include "plan.h"

/* Bits of LRT_CPU_* (plan.h) that this machine has and its operating system supports. */
uint32_t lrt_cpu_features(void);
/* Whether the machine has all bits of `needed`; if not, *e names the missing ones. */
bool lrt_cpu_check(uint32_t needed, lrt_error *e);
/* Asks the operating system for the features of `needed` that it grants only on request (AMX
 * tiles). Call it once, before the first code that uses them. false, with *e: it refused. */
bool lrt_cpu_enable(uint32_t needed, lrt_error *e);
#endif
