/* What the fuzz targets share. A target is one function: it is given bytes, may end in err() and
 * must not do anything worse. */
#ifndef LATENTC_FUZZ_H
#define LATENTC_FUZZ_H
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* err() leaves memory to the end of the program, which is the next input here. */
#ifndef FUZZ_STANDALONE /* once a program */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

/* Runs body(data, size). The user's mistakes are expected; a message without text or our own
 * mistake is a finding. */
static inline int fuzz_catch(void (*body)(const uint8_t *, size_t), const uint8_t *data,
                             size_t size)
{
    jmp_buf here;
    int code = setjmp(here);
    if (code == 0) {
        err_catch(&here);
        body(data, size);
    }
    err_catch(NULL);
    if (code == EXIT_BUG || (code && !*err_text())) {
        fprintf(stderr, "fuzz: %s\n", err_text());
        abort();
    }
    return 0;
}
#endif
