/* The actions of `latentc weights`, one function each. argv[0] is the action's name; all return an
 * exit code. */
#ifndef LATENTC_WEIGHTS_ACTIONS_H
#define LATENTC_WEIGHTS_ACTIONS_H

/* ---- weights_look.c ---- */

/* Lists what a checkpoint holds; compares it with the models of a pipeline. */
int weights_list(int argc, char **argv);
int weights_check_command(int argc, char **argv);

/* ---- weights_convert.c ---- */

/* Writes a checkpoint in another form. */
int weights_convert(int argc, char **argv);

/* ---- weights_fetch.c ---- */

/* Downloads a published checkpoint. */
int weights_fetch(int argc, char **argv);
#endif
