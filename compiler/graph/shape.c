/* See shape.h. */
#include "shape.h"
#include "numbers.h"

#include <string.h>

/* More than any machine has; sums of sizes cannot overflow, and JSON holds them exactly. */
enum { MOST_ELEMENTS_LOG2 = 40 };

const char *shape_text(Arena *a, const Shape *s)
{
    const char *text = "";
    for (int i = 0; i < s->rank; i++)
        text = arena_printf(a, "%s%s%lld", text, i ? "," : "", (long long)s->dim[i]);
    return arena_printf(a, "[%s]", text);
}

const char *shape_check(Arena *a, const Shape *s)
{
    int64_t n = 1;
    if (s->rank < 1 || s->rank > MAX_RANK)
        return arena_printf(a, "expected 1 to %d dimensions, found %d", MAX_RANK, s->rank);
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 1)
            return arena_printf(a, "expected dimensions of at least 1, found %s", shape_text(a, s));
        if (mul_overflow(n, s->dim[i], &n) || n > (int64_t)1 << MOST_ELEMENTS_LOG2)
            return arena_printf(a, "expected at most 2^%d elements, found %s", MOST_ELEMENTS_LOG2,
                                shape_text(a, s));
    }
    return NULL;
}

int64_t shape_count(const Shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

bool shape_eq(const Shape *a, const Shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

int64_t shape_rows(const Shape *s)
{
    int64_t n = 1;
    for (int i = 1; i < s->rank - 1; i++)
        n *= s->dim[i];
    return n;
}
