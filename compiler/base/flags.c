/* Command lines as tables: see flags.h. */
#include "flags.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"
#include "foreign_flags.h"
#include "outfile.h"
#include "utf8.h"

static const Flag *find(const Command *cmd, const char *name, size_t n)
{
    for (int i = 0; i < cmd->n_flags; i++)
        if (cmd->flags[i].name && strlen(cmd->flags[i].name) == n &&
            memcmp(cmd->flags[i].name, name, n) == 0)
            return &cmd->flags[i];
    return NULL;
}

static const Flag *find_letter(const Command *cmd, char letter)
{
    for (int i = 0; i < cmd->n_flags; i++)
        if (cmd->flags[i].name && cmd->flags[i].letter == letter)
            return &cmd->flags[i];
    return NULL;
}

/* value: what stands after it, or NULL. */
_Noreturn static void unknown_flag(const Command *cmd, const char *argument, const char *value)
{
    const lrt_known_flags known = {LRT_NAMES_OF(cmd->flags, name, cmd->n_flags),
                                   LRT_NAMES_OF(cmd->flags, value, cmd->n_flags), NULL, NULL};
    lrt_hint hint;
    const char *said = lrt_flag_hint(argument, value, &known, &hint);
    char *name = xstrdup(argument);
    name[strcspn(name, "=")] = 0;
    if (said)
        usage_err("unknown flag %s: %s", LRT_BRIEFLY(name), said);
    usage_err("unknown flag %s; usage: %s", LRT_BRIEFLY(name), cmd->usage);
}

static void store_int(const Flag *f, const char *shown, const char *value)
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end || errno)
        usage_err("%s: found '%s', expected an integer", shown, LRT_BRIEFLY(value));
    if ((f->least || f->most) && (v < f->least || v > f->most))
        usage_err("%s: found %lld, expected %lld to %lld", shown, v, (long long)f->least,
                  (long long)f->most);
    *(int64_t *)f->into = v;
}

/* The name of a file or a model; the system takes no longer names. */
static const char *checked_name(const char *name)
{
    size_t n = strlen(name);
    if (n >= PATH_MAX)
        err("%s: has %zu bytes, expected a name of fewer than %d", LRT_BRIEFLY(name), n, PATH_MAX);
    return name;
}

/* Is the flag's value such a name? Its word in --help says it. */
static bool takes_name(const Flag *f)
{
    static const char *const words[] = {"FILE", "DIR", "DRIVER", "EXE", "OUT", "SPEC"};
    bool is = false;
    for (size_t i = 0; f->value && i < sizeof words / sizeof *words; i++)
        is |= strstr(f->value, words[i]) != NULL;
    return is;
}

static void store(const Flag *f, const char *shown, const char *value)
{
    FlagList *list = f->into;
    switch (f->kind) {
    case FLAG_BOOL: *(bool *)f->into = true; break;
    case FLAG_INT: store_int(f, shown, value); break;
    case FLAG_STRING: *(const char **)f->into = value; break;
    case FLAG_LIST:
        list->items = xrealloc(list->items, ((size_t)list->n + 1) * sizeof *list->items);
        list->items[list->n++] = value;
        break;
    }
}

/* One flag: its name, then its text, with line breaks between words. */
static void print_row(const char *head, const char *text)
{
    enum { MARGIN = 30, COLUMNS = 100 };
    printf("  %-*s", MARGIN, head);
    for (int column = 2 + MARGIN; *text; text += strspn(text, " ")) {
        int n = (int)strcspn(text, " ");
        if (column + 1 + n > COLUMNS) {
            printf("\n  %*s", MARGIN, "");
            column = 2 + MARGIN;
        }
        printf(" %.*s", n, text);
        column += 1 + n;
        text += n;
    }
    putchar('\n');
}

static void print_help(const Command *cmd)
{
    printf("usage: %s\n%s\n", cmd->usage, cmd->about);
    bool grouped = cmd->n_flags && !cmd->flags[0].name;
    if (!grouped)
        putchar('\n');
    for (int i = 0; i < cmd->n_flags; i++) {
        const Flag *f = &cmd->flags[i];
        char head[64], letter[8] = "    ";
        if (!f->name) {
            printf("\n%s:  %s\n", f->help, f->value);
            continue;
        }
        if (f->letter)
            snprintf(letter, sizeof letter, "-%c, ", f->letter);
        snprintf(head, sizeof head, "%s--%s %s", letter, f->name, f->value ? f->value : "");
        print_row(head, f->help);
    }
    if (grouped)
        putchar('\n');
    print_row("    --help", "this text");
    stdout_check();
    exit(EXIT_OK);
}

/* One flag at argv[*i]; advances *i over its value. */
static void parse_flag(const Command *cmd, int argc, char **argv, int *i)
{
    const char *argument = argv[*i], *value = NULL;
    const Flag *f;
    if (argument[1] == '-') {
        size_t n = strcspn(argument + 2, "=");
        f = find(cmd, argument + 2, n);
        if (!f && n == 4 && memcmp(argument + 2, "help", 4) == 0)
            print_help(cmd);
        if (argument[2 + n] == '=')
            value = argument + 2 + n + 1;
    } else {
        f = find_letter(cmd, argument[1]);
        if (!f && strcmp(argument, "-h") == 0)
            print_help(cmd);
        if (argument[2])
            value = argument + 2;
    }
    if (!f)
        unknown_flag(cmd, argument, value ? value : argv[*i + 1]);
    char shown[72];
    snprintf(shown, sizeof shown, "--%s", f->name);
    if (f->kind == FLAG_BOOL && value)
        usage_err("%s takes no value, found '%s'", shown, LRT_BRIEFLY(value));
    if (f->kind != FLAG_BOOL && !value) {
        if (*i + 1 >= argc)
            usage_err("%s: expected a value (%s) after it", shown, f->value);
        value = argv[++*i];
    }
    store(f, shown, takes_name(f) ? checked_name(value) : value);
}

int flags_parse(const Command *cmd, int argc, char **argv)
{
    int n = 0;
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1]) {
            parse_flag(cmd, argc, argv, &i);
        } else {
            if (n == cmd->most)
                usage_err("unexpected argument '%s'; usage: %s", LRT_BRIEFLY(argv[i]), cmd->usage);
            cmd->arguments[n++] = checked_name(argv[i]);
        }
    }
    if (n < cmd->least)
        usage_err("an argument is missing; usage: %s", cmd->usage);
    return n;
}
