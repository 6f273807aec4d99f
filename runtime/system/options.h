/* A command line as a table, a row per option. */
#ifndef LATENTRT_OPTIONS_H
#define LATENTRT_OPTIONS_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

typedef enum {
    LRT_OPT_BOOL, /* into: bool, set to true */
    LRT_OPT_INT,  /* into: int64_t, least..most */
    LRT_OPT_REAL, /* into: double, finite, least..most */
    LRT_OPT_SEED, /* into: lrt_seed_choice; 64 bits without a sign; a negative one: random */
    LRT_OPT_TEXT, /* into: const char *, which points into argv */
    LRT_OPT_MAYBE /* like TEXT; "" when the next argument begins with a dash or there is none */
} lrt_option_kind;
/* A seed that was given, or the wish for a random one; value is 0 until that is drawn. */
typedef struct {
    uint64_t value;
    bool random;
} lrt_seed_choice;
/* An option; or, with name NULL, a headline of --help: help is its text, and value an example of
 * the options below it, or NULL. */
typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* short form, or 0 */
    lrt_option_kind kind;
    void *into;        /* holds the default before parsing */
    const char *value; /* what --help calls the value */
    const char *help;
    double least, most;
    /* Of an option that chooses something by name: whether there is one of that name. Else NULL. */
    bool (*takes)(const char *value);
    bool given; /* set by lrt_options_parse: it is on the command line */
} lrt_option;
/* Parses --name value, --name=value, -n value and -nvalue; there are no plain arguments. false,
 * with *e: wrong usage; for an unknown option, *e names the nearest one. */
bool lrt_options_parse(lrt_option *table, int n, int argc, char **argv, lrt_error *e);
/* Sets one option by its long name. A switch takes "true" or "false". The table's `into` points
 * to value afterwards when the kind is TEXT or MAYBE. */
bool lrt_option_set(const lrt_option *table, int n, const char *name, const char *value,
                    lrt_error *e);
/* Copies the value of an option from another row of the same kind. */
void lrt_option_copy(const lrt_option *to, const lrt_option *from);
/* Prints the options. Examples begin with `program`. */
void lrt_options_help(const lrt_option *table, int n, const char *program, FILE *out);
#endif
