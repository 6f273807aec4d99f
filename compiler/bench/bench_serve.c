/* See bench_serve.h. */
#include "outfile.h"
#include "bench_serve.h"
#include <stdio.h>

void bench_serve_ready(void)
{
    puts("ready");
    stdout_check();
}

bool bench_serve_wait(void)
{
    int c;
    do
        c = getchar();
    while (c != '\n' && c != EOF);
    return c == '\n';
}

void bench_serve_answer(double seconds)
{
    printf("run %.6f\n", seconds);
    stdout_check();
}
