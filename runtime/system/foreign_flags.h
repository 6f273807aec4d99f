/* What is said about a flag that does not exist: flags of other programs, or the nearest name. */
#ifndef LATENTRT_FOREIGN_FLAGS_H
#define LATENTRT_FOREIGN_FLAGS_H
#include <stdbool.h>

#include "names.h"

/* The flags of a command. */
typedef struct {
    lrt_names names;  /* without dashes */
    lrt_names values; /* what --help calls their values, as "FILE"; NULL: a switch */
    /* Whether flag i chooses something by name (value NULL), and knows this name. NULL: none does.
     */
    bool (*takes)(const void *context, int i, const char *value);
    const void *context;
} lrt_known_flags;

/* A row of foreign_flags.def; the columns are explained there. */
typedef struct {
    const char *theirs, *ours, *note;
} lrt_foreign_flag;
extern const lrt_foreign_flag lrt_foreign_flags[];
extern const int lrt_foreign_flag_count;

/* What a message says after the flag `typed` (with its dashes, up to a '='), which is none of the
 * command's: "did you mean '--cfg-scale X'?", or a note, or the nearest name; NULL: nothing is
 * known. value: what was typed after it, or NULL. The text is in h. */
const char *lrt_flag_hint(const char *typed, const char *value, const lrt_known_flags *known,
                          lrt_hint *h);
#endif
