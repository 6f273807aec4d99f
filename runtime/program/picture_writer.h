/* Writes a picture in a thread of its own, while the next one is drawn. */
#ifndef LATENTRT_PICTURE_WRITER_H
#define LATENTRT_PICTURE_WRITER_H
#include <pthread.h>

#include "picture_out.h"

/* Zero-initialise. */
typedef struct {
    pthread_t thread;
    bool busy;
    char *name; /* of the last picture */
    lrt_picture_out picture;
    uint8_t *rgb;
    char *parameters;
    bool ok;
    lrt_error why;
    double begin, end; /* lrt_now() */
} lrt_picture_writer;
/* Begins to write p, of which it makes a copy, under that name. w must not be busy. false when
 * memory or threads are short: nothing was begun. */
bool lrt_picture_writer_begin(lrt_picture_writer *w, const char *name, const lrt_picture_out *p);
/* Waits until the picture is written. false, with *e, when it could not be. w must be busy. */
bool lrt_picture_writer_end(lrt_picture_writer *w, lrt_error *e);
void lrt_picture_writer_free(lrt_picture_writer *w);
#endif
