/* Standard input, output and error of a program. */
#ifndef LATENTRT_STREAMS_H
#define LATENTRT_STREAMS_H
#include <stdbool.h>

/* For the beginning of main(): closed ones are opened, so that no file of ours gets their number;
 * writing to them fails. A file that grows beyond the limit of its size (ulimit -f) is an error of
 * the write, not a signal. Standard error is written by lines, so that those of several processes
 * do not mix. */
void lrt_streams_begin(void);
/* For the end: whether all that was printed on standard output could be written. */
bool lrt_streams_end(void);
#endif
