/* --split guidance: two ranks draw a picture together. Each computes one half of the guided calls
 * and sends its prediction to the other, so both have the same latent all the time. The first one
 * (an even rank) takes the pictures from the crew, and writes them. */
#ifndef LATENTRT_PAIR_H
#define LATENTRT_PAIR_H
#include "denoise.h"
#include "ranks.h"
#include "units.h"

typedef struct {
    lrt_ranks *ranks;
    int other;         /* its rank */
    int64_t serial;    /* of the current picture: what is left of earlier ones is dropped */
    char *sent, *got;  /* messages */
    size_t bytes;      /* of each */
    lrt_halves halves; /* for the loop */
} lrt_pair;
/* p must stay where it is. The number of ranks is even. */
void lrt_pair_init(lrt_pair *p, lrt_ranks *ranks);
void lrt_pair_free(lrt_pair *p);
/* Whether this is the second rank. */
bool lrt_pair_second(const lrt_pair *p);
/* The first rank: the next picture; job -1: there is none. */
void lrt_pair_send(lrt_pair *p, const lrt_unit *u);
/* The second rank: waits for it. false: there is none. */
bool lrt_pair_next(lrt_pair *p, lrt_unit *u);
/* Both, before the loop: says whether this rank can draw the picture (why not: *e), and waits for
 * the other one's answer. false, with *e: one of them cannot. *lost: it will not draw any other
 * either; of this rank, and then of either. */
bool lrt_pair_ready(lrt_pair *p, bool ok, bool *lost, lrt_error *e);
/* The other one does not wait for this one any longer. */
void lrt_pair_give_up(lrt_pair *p, const lrt_error *why);
#endif
