/* Expressions in graph files: "img_height / 8", "len(widths) - 1 - l", "channels(x) != channels",
 * "1.0 / sqrt(head_size)".
 *
 * Integers are exact: an overflow, or a division that leaves a remainder, is an error; one real
 * operand makes the result real. Comparisons and logic give 0 or 1. Precedence, lowest first:
 * ||   &&   == != < <= > >=   + -   * / %   unary - and !   name, name[i], f(...) */
#ifndef LATENTC_EXPR_H
#define LATENTC_EXPR_H
#include <stdint.h>
#include <stdbool.h>
#include "arena.h"
typedef struct {
    bool is_real;
    int64_t i;
    double r;
} Number;

/* The value as a real number. */
static inline double number_real(Number n) { return n.is_real ? n.r : (double)n.i; }

/* How names get their values. Each function returns NULL and sets *out, or says why there is none.
 */
typedef struct {
    void *context;
    const char *(*name)(void *context, const char *name, Number *out);
    const char *(*element)(void *context, const char *list, int64_t index, Number *out);
    const char *(*property)(void *context, const char *function, const char *of,
                            Number *out); /* channels(x), len(list), ... */
} ExprScope;

/* Evaluates text. Returns NULL and sets *out, or returns a message with the column, in the arena.
 */
const char *expr_eval(Arena *a, const char *text, const ExprScope *scope, Number *out);
#endif
