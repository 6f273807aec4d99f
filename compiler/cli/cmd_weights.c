/* latentc weights: the table of its actions. */
#include "commands.h"
#include "err.h"
#include "weights_actions.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

/* ---- the table
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct { const char *name, *args, *help; int (*run)(int argc, char **argv); } actions[] = {
    {"list", "SPEC", "every tensor with type and shape, what it is, and what the checkpoint is taken for", weights_list},
    {"check", "SPEC [PIPELINE.json]", "what is missing, unknown or of another shape, for each model", weights_check_command},
    {"convert", "SPEC -o OUT --to FORM", "the same weights under other names: latentc, diffusers, ldm, keras, keras3; or packed, for a generator", weights_convert},
    {"fetch", "NAME", "published weights into the cache; without NAME: which there are", weights_fetch},
};
/* clang-format on */
enum { N_ACTIONS = sizeof actions / sizeof actions[0] };

int cmd_weights(int argc, char **argv)
{
    const char *names[N_ACTIONS], *word = argc > 1 ? argv[1] : NULL;
    if (!word)
        usage_err("weights: an action is missing; 'latentc weights --help' lists them");
    for (int i = 0; i < N_ACTIONS; i++) {
        names[i] = actions[i].name;
        if (!strcmp(word, actions[i].name))
            return actions[i].run(argc - 1, argv + 1);
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        puts(
            "usage: latentc weights ACTION SPEC ...\nCheckpoints: diffusers folders, safetensors of diffusers, LDM and latentc, Keras .h5, names of published weights, or one of their models.\n");
        for (int i = 0; i < N_ACTIONS; i++)
            printf("  %-8s %-24s %s\n", actions[i].name, actions[i].args, actions[i].help);
        puts("\n  latentc weights ACTION --help says more.");
        return EXIT_OK;
    }
    const char *near = nearest_word(word, names, N_ACTIONS);
    usage_err("weights: unknown action '%s'%s%s%s", word,
              near ? "; did you mean '" : "; 'latentc weights --help' lists them", near ? near : "",
              near ? "'?" : "");
}
