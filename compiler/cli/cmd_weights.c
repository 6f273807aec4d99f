/* latentc weights: the table of its actions. */
#include "commands.h"
#include "err.h"
#include "weights_actions.h"
#include "utf8.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

/* ---- the table ---- */

/* clang-format off */
static const struct { const char *name, *args, *help; int (*run)(int argc, char **argv); } actions[] = {
    {"list", "SPEC [PIPELINE]", "list every tensor: type, shape, and which weight it is", weights_list},
    {"check", "SPEC [PIPELINE]", "list weights that are missing, unknown or of another shape, for each model", weights_check_command},
    {"convert", "SPEC -o OUT --to FORM", "write the weights in another form: latentc, diffusers, ldm, keras, keras3; or packed, for a generator", weights_convert},
    {"fetch", "NAME", "download published weights into the cache; without NAME: list their names", weights_fetch},
};
/* clang-format on */
enum { N_ACTIONS = sizeof actions / sizeof actions[0] };

int cmd_weights(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word)
        usage_err("weights: an action is missing; 'latentc weights --help' lists them");
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        puts(
            "usage: latentc weights ACTION SPEC ...\nSPEC: a diffusers folder, a safetensors file of diffusers, LDM or latentc, a Keras .h5 or a folder of them, a .keras archive, a name of published weights, or one model of these.\n");
        for (int i = 0; i < N_ACTIONS; i++)
            printf("  %-8s %-24s %s\n", actions[i].name, actions[i].args, actions[i].help);
        puts("\n  latentc weights ACTION --help lists its flags.");
        return EXIT_OK;
    }
    int i = name_find(word, NAMES_OF(actions, name, N_ACTIONS));
    if (i < 0)
        usage_err("weights: unknown action '%s': %s", LRT_BRIEFLY(word),
                  name_hint(word, NAMES_OF(actions, name, N_ACTIONS)));
    return actions[i].run(argc - 1, argv + 1);
}
