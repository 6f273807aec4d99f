/* Command lines as tables: one row per flag. Parsing, usage errors (exit code 2, with the nearest
 * flag) and --help come from the table. */
#ifndef LATENTC_FLAGS_H
#define LATENTC_FLAGS_H
#include "util.h"

typedef enum {
    FLAG_BOOL,   /* --name             into: bool */
    FLAG_INT,    /* --name N           into: int64_t; least and most are checked */
    FLAG_STRING, /* --name TEXT        into: const char * */
    FLAG_LIST    /* --name TEXT, repeatable  into: FlagList */
} FlagKind;
typedef struct {
    const char **items;
    int n;
} FlagList;
typedef struct {
    const char *name; /* without the dashes; NULL: FLAG_GROUP */
    char letter;      /* short form, or 0 */
    FlagKind kind;
    void *into;        /* the variable, holding its default before flags_parse */
    const char *value; /* what --help calls the value: "FILE", "N"; NULL for FLAG_BOOL */
    const char *help;
    int64_t least, most; /* FLAG_INT; both 0: any */
} Flag;
/* A row that is no flag: in --help, the headline of those that follow, and a command line that
 * shows them. */
#define FLAG_GROUP(headline, example)                     \
    {                                                     \
        NULL, 0, FLAG_BOOL, NULL, example, headline, 0, 0 \
    }
typedef struct {
    const char *usage; /* "latentc show GRAPH.json [flags]" */
    const char *about; /* one or two sentences */
    const Flag *flags;
    int n_flags;
    int least, most;        /* plain arguments */
    const char **arguments; /* room for `most` of them */
} Command;
/* argv[0] is the command's name. Fills the flags' variables and cmd->arguments; returns how many
 * plain arguments there are. --help prints to standard output and exits with 0; anything wrong is a
 * usage_err. "--name=value", "-n value" and "-nvalue" are understood; "--" ends the flags. */
int flags_parse(const Command *cmd, int argc, char **argv);
#endif
