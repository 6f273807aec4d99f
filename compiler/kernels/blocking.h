/* The numbers of blocking.def, by core and type. */
#ifndef LATENTC_BLOCKING_H
#define LATENTC_BLOCKING_H
#include <stdbool.h>
#include "target.h"

/* Sizes that are the same everywhere. */
enum {
#define SIZE(name, value, source) name = value,
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source)
#include "blocking.def"
#undef SIZE
#undef VALUE
};
/* Values for one core and one type of operands. */
typedef struct {
#define SIZE(name, value, source)
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) double name;
#include "blocking.def"
#undef SIZE
#undef VALUE
} Blocking;
/* Of products of that type's operands on a target. */
const Blocking *blocking_for(const Target *t, bool bf16);
/* Of products of whole numbers, on vectors of a target. */
const Blocking *blocking_for_int8(const Target *t);
#endif
