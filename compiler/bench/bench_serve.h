/* latentc bench --serve: another program decides when each run happens, so that runs of several
 * programs can alternate (bench/compare).
 *
 * On standard output, a line each: "ready" after the warm-up, then "run SECONDS" for every line
 * read from standard input. The end of standard input ends the runs. */
#ifndef LATENTC_BENCH_SERVE_H
#define LATENTC_BENCH_SERVE_H
#include <stdbool.h>

/* ---- bench_serve.c ---- */

/* Prints "ready". */
void bench_serve_ready(void);

/* Waits for a line; false at the end of standard input. */
bool bench_serve_wait(void);

/* Prints "run SECONDS". */
void bench_serve_answer(double seconds);
#endif
