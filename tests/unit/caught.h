/* The compiler's err() ends the program. Tests catch it. */
#ifndef CAUGHT_H
#define CAUGHT_H
#include "err.h"
#include <setjmp.h>

/* Runs statement. code becomes the exit code that it would have ended with, 0 if it came through;
 * the message is err_text(). Memory stays allocated. */
#define CAUGHT(code, statement) \
    do {                        \
        jmp_buf back;           \
        code = setjmp(back);    \
        if (code == 0) {        \
            err_catch(&back);   \
            statement;          \
        }                       \
        err_catch(NULL);        \
    } while (0)

#endif
