#include "emit_prefetch.h"
#include "arith.h"

static int64_t groups_of(const Prefetch *a) { return a->some ? a->some : a->groups * a->count; }

Prefetch prefetch_row(V from, int64_t bytes)
{
    return (Prefetch){.from = from,
                      .lines = 1,
                      .groups = ceil_div(bytes, CACHE_LINE),
                      .step = CACHE_LINE,
                      .count = 1};
}

Prefetch prefetch_part(Emit *e, const Prefetch *p, V part, int64_t groups)
{
    Prefetch some = *p;
    some.begin = mulc(e, part, groups);
    some.some = groups;
    return some;
}

void prefetch_begin(Emit *e, Prefetch *a, int64_t shares)
{
    a->each = ceil_div(groups_of(a), shares);
    a->next = var(e, e->i64, ci(e, 0));
    /* Several neighbouring groups become one. */
    while (!a->begin && a->each > 1 && a->groups % 2 == 0 && a->step == a->lines * CACHE_LINE) {
        a->lines *= 2;
        a->groups /= 2;
        a->step *= 2;
        a->each = ceil_div(groups_of(a), shares);
    }
}

void prefetch_line(Emit *e, V p, bool write)
{
    V rw = LLVMConstInt(e->i32, write, 0), l2 = LLVMConstInt(e->i32, 2, 0),
      data = LLVMConstInt(e->i32, 1, 0);
    intrinsic(e, "llvm.prefetch", e->ptr, (V[]){p, rw, l2, data}, 4);
}

void prefetch_share(Emit *e, const Prefetch *a)
{
    if (!a->from)
        return;
    V next = get(e, a->next);
    If f = if_begin(e, lt(e, next, ci(e, groups_of(a))));
    for (int64_t i = 0; i < a->each; i++) {
        V group = addc(e, next, i), row = ci(e, 0);
        if (a->begin)
            group = add(e, group, a->begin);
        if (a->count > 1) {
            row = udivc(e, group, a->groups);
            group = uremc(e, group, a->groups);
        }
        V p = at_byte(e, a->from, add(e, mulc(e, group, a->step), mulc(e, row, a->row_step)));
        for (int64_t j = 0; j < a->lines; j++)
            prefetch_line(e, at_byte(e, p, ci(e, j * CACHE_LINE)), a->write);
    }
    set(e, a->next, addc(e, next, a->each));
    if_end(e, &f);
}
