/* Names of files in commands that are printed. */
#ifndef LATENTRT_SHELL_WORD_H
#define LATENTRT_SHELL_WORD_H

/* The text as one word of a POSIX shell: in double quotes where it has spaces or characters that
 * the shell reads. malloc'd; NULL when memory is short. */
char *lrt_shell_word(const char *text);
#endif
