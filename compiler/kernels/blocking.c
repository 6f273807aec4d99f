#include "blocking.h"

enum { F32, BF16, DOT, TILES, INT8, WIDE, COLUMNS };
static const Blocking table[COLUMNS] = {
    [F32] =
        {
#define SIZE(name, value, source)
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = f32,
#include "blocking.def"
#undef VALUE
        },
    [BF16] =
        {
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = bf16,
#include "blocking.def"
#undef VALUE
        },
    [DOT] =
        {
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = dot,
#include "blocking.def"
#undef VALUE
        },
    [TILES] =
        {
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = tiles,
#include "blocking.def"
#undef VALUE
        },
    [INT8] =
        {
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = int8,
#include "blocking.def"
#undef VALUE
        },
    [WIDE] =
        {
#define VALUE(name, f32, bf16, dot, tiles, int8, wide, source) .name = wide,
#include "blocking.def"
#undef VALUE
#undef SIZE
        },
};

const Blocking *blocking_for(const Target *t, bool bf16)
{
    static const int column[] = {
        [CORE_FMA] = BF16, [CORE_BF16_DOT] = DOT, [CORE_AMX] = TILES, [CORE_AMX_MODEL] = TILES};
    return &table[bf16 ? column[t->core] : F32];
}

const Blocking *blocking_for_int8(const Target *t) { return &table[target_dot8(t) ? INT8 : WIDE]; }
