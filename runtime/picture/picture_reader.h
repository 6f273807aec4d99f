/* What the readers of PNG and JPEG share: a picture on its way from a file's rows to the wanted
 * size.
 *
 * libpng and libjpeg report errors by longjmp. A reader calls setjmp on `back`; after a longjmp the
 * caller frees what the struct holds. */
#ifndef LATENTRT_PICTURE_READER_H
#define LATENTRT_PICTURE_READER_H
#include <setjmp.h>
#include <stdio.h>

#include "picture_in.h"
#include "resize.h"

typedef struct {
    FILE *f;
    const char *path; /* for messages */
    lrt_picture_want want;
    lrt_error *e;
    jmp_buf back;
    int64_t width, height; /* as stored */
    int orientation;       /* of Exif; 1: as stored */
    lrt_resize *resize;
    uint8_t *row;    /* the decoder's rows */
    uint8_t *plain;  /* one row, (width, channels) */
    uint8_t **rows;  /* of an interlaced PNG, into `row` */
    uint8_t *fit;    /* the result before its orientation is applied */
    char change[48]; /* what the decoder changed, for the user; "" for nothing */
} lrt_picture_reader;

/* What the first bytes of a file say that it is. */
typedef enum {
    LRT_PICTURE_UNREADABLE, /* errno says why */
    LRT_PICTURE_EMPTY,
    LRT_PICTURE_OTHER,
    LRT_PICTURE_PNG,
    LRT_PICTURE_JPEG
} lrt_picture_kind;
/* Reads the first bytes of f and goes back to its begin. */
lrt_picture_kind lrt_picture_kind_of(FILE *f);
/* 3 for RGB, 1 for a mask. */
int lrt_reader_channels(const lrt_picture_reader *r);
/* Ends the reading; r->e says why. */
_Noreturn void lrt_reader_stop(lrt_picture_reader *r);
/* p, or lrt_reader_stop when it is NULL: memory is short. */
void *lrt_reader_need(lrt_picture_reader *r, void *p);
/* Checks r->width and r->height against the limits and allocates what rows need. kind: how the file
 * is stored when the decoder must hold all of it ("interlaced"); else NULL. */
void lrt_reader_begin(lrt_picture_reader *r, const char *kind);
/* The next row: (width, 3) RGB, or with alpha (width, 4) RGBA, 8 bits each. */
void lrt_reader_put_row(lrt_picture_reader *r, const uint8_t *row, bool alpha);
void lrt_reader_free(lrt_picture_reader *r);
#endif
