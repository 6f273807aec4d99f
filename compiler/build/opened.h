/* Checkpoints that flags and pipeline files name, each opened once. */
#ifndef LATENTC_OPENED_H
#define LATENTC_OPENED_H
#include "formats.h"

enum { MOST_CHECKPOINTS = 64 };
typedef struct {
    Checkpoint *list[MOST_CHECKPOINTS];
    bool used[MOST_CHECKPOINTS];
    int n;
    CheckpointOptions options;
} Opened;

/* The place of the checkpoint in the list; it is opened unless it is open. err() when it cannot be
 * read. */
int opened_place(Opened *o, const char *spec);

/* Has what spec names weights of the model? context: an Opened. For flags_fitting: of several
 * --weights without a name, each is for the models that it has weights of. */
bool opened_serves(void *context, const char *spec, const char *model);

/* The checkpoint, which the caller of opened_close_unused will close itself. */
Checkpoint *opened_use(Opened *o, const char *spec);

/* Closes those that nobody uses. */
void opened_close_unused(Opened *o);
#endif
