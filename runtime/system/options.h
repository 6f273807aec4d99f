/* A generated program's command line as a table: a row per flag. */
#ifndef LATENTRT_OPTIONS_H
#define LATENTRT_OPTIONS_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

typedef enum {
    LRT_OPT_BOOL, /* into: bool, set to true */
    LRT_OPT_INT,  /* into: int64_t, least..most */
    LRT_OPT_REAL, /* into: double, finite, least..most */
    LRT_OPT_TEXT, /* into: const char * */
    LRT_OPT_MAYBE /* the same; "" when no value follows: nothing, or what begins with a dash */
} lrt_option_kind;
typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* short form, or 0 */
    lrt_option_kind kind;
    void *into;        /* holds the default before parsing */
    const char *value; /* what --help calls the value */
    const char *help;  /* NULL: a headline of --help, whose text is name; value: an example of the
                          flags below it, or NULL */
    double least, most;
} lrt_option;
/* --name value, --name=value, -n value, -nvalue. No plain arguments. false: wrong usage, said in *e
 * (with the nearest flag). */
bool lrt_options_parse(const lrt_option *table, int n, int argc, char **argv, lrt_error *e);
/* One value by its long name; of a switch, "true" (or "") and "false". */
bool lrt_option_set(const lrt_option *table, int n, const char *name, const char *value,
                    lrt_error *e);
/* program: what examples begin with. */
void lrt_options_help(const lrt_option *table, int n, const char *program, FILE *out);
/* The candidate nearest to word, NULL when none is near: for "did you mean". */
const char *lrt_nearest(const char *word, const char *const *candidates, int n);
#endif
