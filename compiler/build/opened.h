/* Checkpoints that flags and pipeline files name, each opened once. */
#ifndef LATENTC_OPENED_H
#define LATENTC_OPENED_H
#include "formats.h"
#include "shared_flags.h"

enum { MOST_CHECKPOINTS = 64 };
typedef struct {
    Checkpoint *list[MOST_CHECKPOINTS];
    bool used[MOST_CHECKPOINTS];
    int n;
    CheckpointOptions options;
} Opened;

/* The pipeline file that is being opened. Texts that are found in it are the arena's. */
typedef struct {
    Arena *arena;
    Json root;
    const char *path;
} PipelineSource;

/* ---- opened.c ---- */

/* The checkpoint of that SPEC, which is no synthetic one; it is opened unless it is open. err()
 * when it cannot be read. */
Checkpoint *opened_checkpoint(Opened *o, const char *spec);

/* Has what spec names weights of the model? context: an Opened. For flags_fitting: of several
 * --weights without a name, each is for the models that it has weights of. */
bool opened_serves(void *context, const char *spec, const char *model);

/* The checkpoint, which the caller of opened_close_unused will close itself. */
Checkpoint *opened_use(Opened *o, const char *spec);

/* Closes those that nobody uses. */
void opened_close_unused(Opened *o);

/* What the checkpoint is taken for, in a message that it has no weights of TAESD. */
const char *opened_kind(const Checkpoint *c);

/* The graph file of a model of the pipeline; NULL when it names none. */
const char *opened_graph(const PipelineSource *from, const char *model);

/* The weights of a model: what the flags say, else the model's entry, else those in its archive,
 * else the pipeline's; NULL: nothing says. */
const char *opened_spec(const PipelineSource *from, const char *model, const FlagList *flags,
                        Opened *o);
#endif
