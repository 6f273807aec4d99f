/* JPEG files. */
#ifndef LATENTRT_JPEG_READ_H
#define LATENTRT_JPEG_READ_H
#include "picture_reader.h"

/* Reads r->f, a JPEG, row by row into r. false, with *r->e, when it is damaged or too large. */
bool lrt_jpeg_read(lrt_picture_reader *r);
#endif
