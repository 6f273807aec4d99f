/* Facts that a checkpoint gives about graphs and schedule, collected as a part of a pipeline file
 * (Checkpoint.settings). */
#ifndef LATENTC_SETTINGS_H
#define LATENTC_SETTINGS_H
#include "arena.h"
#include "json.h"

enum { MOST_NAMES = 4 };
typedef struct {
    Arena *arena;
    /* An object; json_free frees it. */
    Json json;
    /* "epsilon", "v"; NULL: the files do not say. */
    const char *prediction;
    /* How the U-Net differs from Stable Diffusion's, for taken_for: " inpainting", ", the U-Net of
     * BK-SDM small", both, or "". */
    const char *form;
    /* What is not read, or done in another way than the files say: a line each, with a newline
     * after it. NULL: nothing. */
    const char *notes;
    /* What families.h looks at: names that configs record, and where each stands; the form of the
     * scheduler's config and its file; where it is said that the U-Net takes the guidance scale as
     * an input. NULL: not there. */
    struct {
        struct {
            const char *name, *where;
        } names[MOST_NAMES];
        int n_names;
        const char *file, *class, *spacing, *prediction, *guidance;
    } seen;
} Settings;

/* Empty settings; texts for messages are the arena's, `spec` names the checkpoint in messages. */
Settings settings_new(Arena *a, const char *spec);

/* Adds a line to the notes: file and place of `at`, then the text. */
void settings_note(Settings *s, Json at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Where members go: parameters of all models, of one model (a graph's name), the schedule. */
Json settings_parameters(const Settings *s);
Json settings_model(const Settings *s, const char *model);
Json settings_schedule(const Settings *s);
#endif
