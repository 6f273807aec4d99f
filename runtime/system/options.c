/* See options.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l */
#endif
#include "options.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "foreign_flags.h"
#include "utf8.h"

/* The row of an option; -1: there is none. */
static int find(const lrt_option *table, int n, const char *name, size_t length)
{
    for (int i = 0; i < n; i++)
        if (table[i].name && strlen(table[i].name) == length &&
            !memcmp(table[i].name, name, length))
            return i;
    return -1;
}

static int find_letter(const lrt_option *table, int n, char letter)
{
    for (int i = 0; i < n; i++)
        if (letter && table[i].name && table[i].letter == letter)
            return i;
    return -1;
}

static bool takes(const void *table, int i, const char *value)
{
    const lrt_option *o = (const lrt_option *)table + i;
    return o->takes && (!value || o->takes(value));
}

/* value: what stands after arg, or NULL. */
static bool unknown(const lrt_option *table, int n, const char *arg, const char *value,
                    lrt_error *e)
{
    if (arg[0] != '-' || !arg[1])
        return lrt_fail(
            e, "unexpected argument '%s': the prompt goes after -p; --help lists the flags",
            LRT_BRIEFLY(arg));
    const lrt_known_flags known = {LRT_NAMES_OF(table, name, n), LRT_NAMES_OF(table, value, n),
                                   takes, table};
    lrt_hint hint;
    const char *equals = strchr(arg, '='),
               *said = lrt_flag_hint(arg, equals ? equals + 1 : value, &known, &hint);
    return lrt_fail(e, "unknown flag '%s': %s", LRT_BRIEFLY(arg),
                    said ? said : "--help lists the flags");
}

/* strtod in the C locale: the program around a library may have set another one. */
static double real_of(const char *text, char **end)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double v = plain ? strtod_l(text, end, plain) : strtod(text, end);
    if (plain)
        freelocale(plain);
    return v;
}

/* A seed of PyTorch: 0 to 2^64 - 1. strtoull would also take a minus and white space. */
static bool set_seed(const lrt_option *o, const char *text, lrt_error *e)
{
    lrt_seed_choice *seed = o->into;
    const char *digits = text + (*text == '-' || *text == '+');
    size_t n = strspn(digits, "0123456789");
    errno = 0;
    uint64_t v = strtoull(digits, NULL, 10);
    if (!n || digits[n] || (errno && *text != '-'))
        return lrt_fail(
            e,
            "--%s: expected an integer from 0 to 18446744073709551615, or a negative one for a random seed; found '%s'",
            o->name, LRT_BRIEFLY(text));
    *seed = *text == '-' && v ? (lrt_seed_choice){.random = true} : (lrt_seed_choice){.value = v};
    return true;
}

static bool set_value(const lrt_option *o, const char *text, lrt_error *e)
{
    char *end;
    if (o->kind == LRT_OPT_SEED)
        return set_seed(o, text, e);
    errno = 0;
    if (o->kind == LRT_OPT_TEXT || o->kind == LRT_OPT_MAYBE) {
        *(const char **)o->into = text;
        return true;
    }
    if (o->kind == LRT_OPT_INT) {
        long long v = strtoll(text, &end, 10);
        if (end == text || *end || errno || (double)v < o->least || (double)v > o->most)
            return lrt_fail(e, "--%s: expected an integer from %.0f to %.0f, found '%s'", o->name,
                            o->least, o->most, LRT_BRIEFLY(text));
        *(int64_t *)o->into = v;
        return true;
    }
    double v = real_of(text, &end);
    if (end == text || *end || !isfinite(v) || v < o->least || v > o->most)
        return lrt_fail(e, "--%s: expected a number from %g to %g, found '%s'", o->name, o->least,
                        o->most, LRT_BRIEFLY(text));
    *(double *)o->into = v;
    return true;
}

bool lrt_option_set(const lrt_option *table, int n, const char *name, const char *value,
                    lrt_error *e)
{
    int row = find(table, n, name, strlen(name));
    const lrt_option *o = &table[row < 0 ? 0 : row];
    if (row < 0) {
        char arg[80];
        snprintf(arg, sizeof arg, "--%s", name);
        return unknown(table, n, arg, value, e);
    }
    if (o->kind != LRT_OPT_BOOL)
        return set_value(o, value, e);
    bool yes = !strcmp(value, "true");
    if (!yes && strcmp(value, "false"))
        return lrt_fail(e, "--%s: expected true or false, found '%s'", name, LRT_BRIEFLY(value));
    *(bool *)o->into = yes;
    return true;
}

void lrt_option_copy(const lrt_option *to, const lrt_option *from)
{
    static const size_t bytes[] = {
        [LRT_OPT_BOOL] = sizeof(bool),         [LRT_OPT_INT] = sizeof(int64_t),
        [LRT_OPT_REAL] = sizeof(double),       [LRT_OPT_SEED] = sizeof(lrt_seed_choice),
        [LRT_OPT_TEXT] = sizeof(const char *), [LRT_OPT_MAYBE] = sizeof(const char *)};
    memcpy(to->into, from->into, bytes[to->kind]);
}

/* Whether arg is a known flag. Where a value is expected, it means that the value is missing. */
static bool is_flag(const lrt_option *table, int n, const char *arg)
{
    return !strncmp(arg, "--", 2) && find(table, n, arg + 2, strlen(arg + 2)) >= 0;
}

bool lrt_options_parse(lrt_option *table, int n, int argc, char **argv, lrt_error *e)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *value = NULL;
        int row = -1;
        if (arg[0] == '-' && arg[1] == '-') {
            size_t length = strcspn(arg + 2, "=");
            row = find(table, n, arg + 2, length);
            value = arg[2 + length] == '=' ? arg + 3 + length : NULL;
        } else if (arg[0] == '-') {
            row = find_letter(table, n, arg[1]);
            value = row >= 0 && arg[2] ? arg + 2 : NULL;
        }
        lrt_option *o = row >= 0 ? &table[row] : NULL;
        if (!o || (o->kind == LRT_OPT_BOOL && value && arg[1] != '-'))
            return unknown(table, n, arg, argv[i + 1], e);
        if (o->kind == LRT_OPT_BOOL) {
            if (value)
                return lrt_fail(e, "--%s takes no value", o->name);
            o->given = true;
            *(bool *)o->into = true;
            continue;
        }
        if (!value && o->kind == LRT_OPT_MAYBE && (i + 1 == argc || argv[i + 1][0] == '-'))
            value = "";
        if (!value && (i + 1 == argc || is_flag(table, n, argv[i + 1])))
            return lrt_fail(e, "%s: expected %s after it", arg, o->value);
        if (!set_value(o, value ? value : argv[++i], e))
            return false;
        o->given = true;
    }
    return true;
}

void lrt_options_help(const lrt_option *table, int n, const char *program, FILE *out)
{
    for (int i = 0; i < n; i++) {
        const lrt_option *o = &table[i];
        if (!o->name) {
            fprintf(out, o->value ? "\n%s:  %s %s\n" : "\n%s\n", o->help, program, o->value);
            continue;
        }
        char left[64];
        char letter[5] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s %s", letter, o->name, o->value ? o->value : "");
        fprintf(out, "  %-29s %s\n", left, o->help);
    }
}
