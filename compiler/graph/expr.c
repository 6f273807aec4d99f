/* Recursive descent, one function for each level of precedence. */
#include "expr.h"
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 48 };
/* After the first mistake `wrong` is set, and every function returns 0 at once. */
typedef struct {
    Arena *arena;
    const char *text, *p, *wrong;
    const ExprScope *scope;
    int depth;
} Parser;

static const Number zero;
static Number any(Parser *s);
static Number integer(int64_t i) { return (Number){.i = i}; }
static Number real(double r) { return (Number){.is_real = true, .r = r}; }

static Number fail(Parser *s, const char *why)
{
    if (!s->wrong)
        s->wrong = why;
    return zero;
}

static Number fail_here(Parser *s, const char *expected)
{
    if (*s->p)
        return fail(s, arena_printf(s->arena, "found '%c' at column %d of \"%s\", expected %s",
                                    *s->p, (int)(s->p - s->text) + 1, s->text, expected));
    return fail(s, arena_printf(s->arena, "\"%s\" ends too early, expected %s", s->text, expected));
}

static void blanks(Parser *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

static bool accept(Parser *s, const char *token)
{
    blanks(s);
    size_t n = strlen(token);
    if (s->wrong || strncmp(s->p, token, n) != 0)
        return false;
    s->p += n;
    return true;
}

static Number literal(Parser *s)
{
    char *end;
    size_t n = strspn(s->p, "0123456789");
    errno = 0;
    if (s->p[n] == '.' || s->p[n] == 'e' || s->p[n] == 'E') {
        double r = strtod(s->p, &end);
        s->p = end;
        return isfinite(r) ? real(r) : fail(s, "the number is too large");
    }
    long long i = strtoll(s->p, &end, 10);
    s->p = end;
    return errno ? fail(s, "the number is too large") : integer(i);
}

static Number apply(Parser *s, char op, Number a, Number b)
{
    int64_t r = 0;
    if (a.is_real || b.is_real) {
        double x = number_real(a), y = number_real(b);
        double v = op == '+'   ? x + y
                   : op == '-' ? x - y
                   : op == '*' ? x * y
                   : op == '/' ? x / y
                               : fmod(x, y);
        return isfinite(v)
                   ? real(v)
                   : fail(s, arena_printf(s->arena, "%g %c %g has no finite value", x, op, y));
    }
    if (op == '/' || op == '%') {
        if (b.i == 0 || (a.i == INT64_MIN && b.i == -1))
            return fail(s, arena_printf(s->arena, "%lld %c %lld has no value", (long long)a.i, op,
                                        (long long)b.i));
        if (op == '/' && a.i % b.i)
            return fail(s, arena_printf(s->arena, "%lld is not divisible by %lld in \"%s\"",
                                        (long long)a.i, (long long)b.i, s->text));
        return integer(op == '/' ? a.i / b.i : a.i % b.i);
    }
    bool over = op == '+'   ? __builtin_add_overflow(a.i, b.i, &r)
                : op == '-' ? __builtin_sub_overflow(a.i, b.i, &r)
                            : mul_overflow(a.i, b.i, &r);
    if (over)
        return fail(s, arena_printf(s->arena, "%lld %c %lld overflows in \"%s\"", (long long)a.i,
                                    op, (long long)b.i, s->text));
    return integer(r);
}

static const char *name(Parser *s)
{
    size_t n = 0;
    blanks(s);
    while (isalnum((unsigned char)s->p[n]) || s->p[n] == '_')
        n++;
    if (n == 0) {
        fail_here(s, "a name");
        return "";
    }
    char *copy = arena_alloc(s->arena, n + 1);
    memcpy(copy, s->p, n);
    s->p += n;
    return copy;
}

/* After "at(": a list's name, an index, and the value where the list has no such element. */
static Number element_or(Parser *s)
{
    const char *list = name(s), *why = NULL;
    Number i = accept(s, ",") ? any(s) : fail_here(s, "','");
    Number r = accept(s, ",") ? any(s) : fail_here(s, "','"), n = zero;
    if (s->wrong)
        return zero;
    if (i.is_real)
        return fail(s, "an index must be an integer");
    why = s->scope->property(s->scope->context, "len", list, &n);
    if (!why && i.i >= 0 && i.i < n.i)
        why = s->scope->element(s->scope->context, list, i.i, &r);
    return why ? fail(s, why) : r;
}

/* After "f(": sqrt, min and max take expressions; every other function takes a name first. */
static Number call(Parser *s, const char *f)
{
    Number r = zero;
    if (strcmp(f, "at") == 0) {
        r = element_or(s);
    } else if (strcmp(f, "sqrt") == 0) {
        double x = number_real(any(s));
        r = x >= 0 ? real(sqrt(x)) : fail(s, "sqrt of a negative number");
    } else if (strcmp(f, "min") == 0 || strcmp(f, "max") == 0) {
        Number a = any(s);
        if (!accept(s, ","))
            return fail_here(s, "','");
        Number b = any(s);
        r = (number_real(a) < number_real(b)) == (f[1] == 'i') ? a : b;
    } else {
        const char *of = name(s);
        if (!s->wrong) {
            const char *why = s->scope->property(s->scope->context, f, of, &r);
            if (why)
                return fail(s, why);
        }
    }
    return accept(s, ")") ? r : fail_here(s, "')'");
}

static Number primary(Parser *s)
{
    Number r = zero;
    blanks(s);
    if (s->wrong)
        return zero;
    if (isdigit((unsigned char)*s->p))
        return literal(s);
    if (accept(s, "(")) {
        r = any(s);
        return accept(s, ")") ? r : fail_here(s, "')'");
    }
    if (!isalpha((unsigned char)*s->p) && *s->p != '_')
        return fail_here(s, "a number, a name or '('");
    const char *n = name(s), *why = NULL;
    if (accept(s, "("))
        return call(s, n);
    if (accept(s, "[")) {
        Number i = any(s);
        if (!accept(s, "]"))
            return fail_here(s, "']'");
        if (!s->wrong)
            why = i.is_real ? "an index must be an integer"
                            : s->scope->element(s->scope->context, n, i.i, &r);
    } else {
        why = s->scope->name(s->scope->context, n, &r);
    }
    return why ? fail(s, why) : r;
}

static Number unary(Parser *s)
{
    Number r;
    if (++s->depth > MOST_DEPTH)
        return fail(s, "the expression is nested too deeply");
    if (accept(s, "-"))
        r = apply(s, '-', zero, unary(s));
    else if (accept(s, "!"))
        r = integer(number_real(unary(s)) == 0);
    else
        r = primary(s);
    s->depth--;
    return r;
}

static Number product(Parser *s)
{
    Number r = unary(s);
    for (;;) {
        if (accept(s, "*"))
            r = apply(s, '*', r, unary(s));
        else if (accept(s, "/"))
            r = apply(s, '/', r, unary(s));
        else if (accept(s, "%"))
            r = apply(s, '%', r, unary(s));
        else
            return r;
        if (s->wrong)
            return zero;
    }
}

static Number sum(Parser *s)
{
    Number r = product(s);
    for (;;) {
        if (accept(s, "+"))
            r = apply(s, '+', r, product(s));
        else if (accept(s, "-"))
            r = apply(s, '-', r, product(s));
        else
            return r;
        if (s->wrong)
            return zero;
    }
}

static Number comparison(Parser *s)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    Number a = sum(s);
    for (int i = 0; i < 6; i++) {
        if (!accept(s, signs[i]))
            continue;
        double x = number_real(a), y = number_real(sum(s));
        bool holds[] = {x == y, x != y, x <= y, x >= y, x<y, x> y};
        return integer(holds[i]);
    }
    return a;
}

static Number both(Parser *s)
{
    Number r = comparison(s);
    while (accept(s, "&&")) {
        bool left = number_real(r) != 0, right = number_real(comparison(s)) != 0;
        r = integer(left && right);
    }
    return r;
}

static Number any(Parser *s)
{
    Number r = both(s);
    while (accept(s, "||")) {
        bool left = number_real(r) != 0, right = number_real(both(s)) != 0;
        r = integer(left || right);
    }
    return r;
}

const char *expr_eval(Arena *a, const char *text, const ExprScope *scope, Number *out)
{
    Parser s = {a, text, text, NULL, scope, 0};
    *out = any(&s);
    blanks(&s);
    if (!s.wrong && *s.p)
        fail_here(&s, "the end");
    return s.wrong;
}
