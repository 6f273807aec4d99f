/* Draws the current picture of a run, and writes its files. */
#ifndef LATENTRT_DRAW_H
#define LATENTRT_DRAW_H
#include "run.h"

/* The record that a picture of that name gets: malloc'd; NULL: none, because of --no-metadata or
 * because a JPEG has no room for it. about: the picture. false, with *e: no memory, or a name with
 * an unknown ending. */
bool lrt_draw_record(const lrt_run *r, const char *name, const lrt_picture_record *about,
                     char **text, lrt_error *e);
/* Draws the current picture, whose line is ready. Its file is written here, or in the background
 * until lrt_draw_settle; either way its result is counted. false, with *e: it failed, which is not
 * counted. */
bool lrt_draw_picture(lrt_run *r, lrt_error *e);
/* The second rank of a pair: takes part in the loop of the current picture, and writes nothing. */
bool lrt_draw_half(lrt_run *r, lrt_error *e);
/* Waits for the picture before the current one, announces it and counts its result. false, with
 * *e, when it could not be written and the run ends with that. */
bool lrt_draw_settle(lrt_run *r, lrt_error *e);
/* Whether there is, or may be, a picture to draw after the current one. */
bool lrt_draw_more(const lrt_run *r);
/* The seed of picture i of the current job. */
uint64_t lrt_draw_seed(const lrt_run *r, int64_t i);
#endif
