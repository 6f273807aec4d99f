/* Command lines as tables: one row per flag. Parsing, usage errors (exit code 2, with the nearest
 * flag) and --help come from the table. */
#ifndef LATENTC_FLAGS_H
#define LATENTC_FLAGS_H
#include <stdint.h>
#include <stddef.h>

typedef enum {
    FLAG_BOOL,   /* --name             into: bool */
    FLAG_INT,    /* --name N           into: int64_t; least and most are checked */
    FLAG_STRING, /* --name TEXT        into: const char * */
    FLAG_LIST    /* --name TEXT, repeatable  into: FlagList */
} FlagKind;

/* The texts of a repeatable flag, in the order of the command line. */
typedef struct {
    const char **items;
    int n;
} FlagList;

typedef struct {
    /* Without the dashes; NULL: a FLAG_GROUP. */
    const char *name;
    /* The short form, or 0. */
    char letter;
    FlagKind kind;
    /* The variable; it holds its default before flags_parse. */
    void *into;
    /* The value's name in --help: "FILE", "N"; NULL for FLAG_BOOL. */
    const char *value;
    const char *help;
    /* Of FLAG_INT; both 0: any. */
    int64_t least, most;
} Flag;

/* A row that is no flag: the headline in --help of the rows that follow, and an example of a
 * command line with them. */
#define FLAG_GROUP(headline, example)                     \
    {                                                     \
        NULL, 0, FLAG_BOOL, NULL, example, headline, 0, 0 \
    }

typedef struct {
    /* "latentc show GRAPH.json [flags]". */
    const char *usage;
    /* One or two sentences. */
    const char *about;
    const Flag *flags;
    int n_flags;
    /* How many plain arguments there may be. */
    int least, most;
    /* Room for `most` of them. */
    const char **arguments;
} Command;

/* Reads a command line; argv[0] is the command's name. Fills the flags' variables and
 * cmd->arguments; returns how many plain arguments there are. --help prints to standard output and
 * exits with 0. Mistakes end in usage_err(). "--name=value", "-n value" and "-nvalue" are
 * understood;
 * "--" ends the flags. */
int flags_parse(const Command *cmd, int argc, char **argv);
#endif
