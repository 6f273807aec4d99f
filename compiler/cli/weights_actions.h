/* The actions of `latentc weights`, one function each. */
#ifndef LATENTC_WEIGHTS_ACTIONS_H
#define LATENTC_WEIGHTS_ACTIONS_H

/* argv[0] is the action's name; all return an exit code. */

/* ---- weights_look.c ---- */
int weights_list(int argc, char **argv);
int weights_check_command(int argc, char **argv);

/* ---- weights_convert.c ---- */
int weights_convert(int argc, char **argv);

/* ---- weights_fetch.c ---- */
int weights_fetch(int argc, char **argv);
#endif
