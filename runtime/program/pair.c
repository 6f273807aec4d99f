/* See pair.h. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t serial;
    int32_t ok, lost;
    lrt_error why; /* unless ok */
} Head;            /* of a message; then the numbers of a prediction, or none */

static bool make_room(lrt_pair *p, size_t bytes, lrt_error *e)
{
    if (p->bytes >= bytes)
        return true;
    char *sent = realloc(p->sent, bytes), *got = sent ? realloc(p->got, bytes) : NULL;
    p->sent = sent ? sent : p->sent;
    p->got = got ? got : p->got;
    p->bytes = got ? bytes : p->bytes;
    return got || lrt_fail(e, "out of memory");
}

/* Takes the other rank's message for this picture. */
static bool receive(lrt_pair *p, float *theirs, int64_t n, Head *head, lrt_error *e)
{
    do {
        lrt_ranks_receive(p->ranks, p->other, LRT_TAG_PREDICTION, p->got, p->bytes,
                          LRT_PAUSE_SHORT);
        memcpy(head, p->got, sizeof *head);
    } while (head->serial != p->serial);
    if (!head->ok)
        return lrt_fail(e, "rank %d: %s", p->other, head->why.text);
    if (n)
        memcpy(theirs, p->got + sizeof *head, (size_t)n * sizeof *theirs);
    return true;
}

/* Both may send at the same time: neither waits until its own message has been taken. */
static bool exchange(void *context, const float *mine, float *theirs, int64_t n, lrt_error *e)
{
    lrt_pair *p = context;
    Head head = {.serial = p->serial, .ok = 1};
    size_t bytes = sizeof head + (size_t)n * sizeof *mine;
    if (!make_room(p, bytes, e))
        return false;
    int number = -1;
    if (mine) {
        memcpy(p->sent, &head, sizeof head);
        memcpy(p->sent + sizeof head, mine, (size_t)n * sizeof *mine);
        number = lrt_ranks_post(p->ranks, p->other, LRT_TAG_PREDICTION, p->sent, bytes);
    }
    bool ok = !theirs || receive(p, theirs, n, &head, e);
    if (mine)
        lrt_ranks_wait(p->ranks, number);
    return ok;
}

void lrt_pair_init(lrt_pair *p, lrt_ranks *ranks)
{
    int half = ranks->rank % 2;
    *p = (lrt_pair){.ranks = ranks,
                    .other = ranks->rank + (half ? -1 : 1),
                    .halves = {.half = half, .exchange = exchange, .context = p}};
}

void lrt_pair_free(lrt_pair *p)
{
    free(p->sent);
    free(p->got);
    p->sent = p->got = NULL;
}

bool lrt_pair_second(const lrt_pair *p) { return p->halves.half; }

void lrt_pair_send(lrt_pair *p, const lrt_unit *u)
{
    p->serial++;
    lrt_ranks_send(p->ranks, p->other, LRT_TAG_PAIR, u, sizeof *u);
}

bool lrt_pair_next(lrt_pair *p, lrt_unit *u)
{
    p->serial++;
    lrt_ranks_receive(p->ranks, p->other, LRT_TAG_PAIR, u, sizeof *u, LRT_PAUSE_LONG);
    return u->job >= 0;
}

bool lrt_pair_ready(lrt_pair *p, bool ok, bool *lost, lrt_error *e)
{
    Head head = {.serial = p->serial, .ok = ok, .lost = *lost};
    lrt_error own, *why = ok ? e : &own; /* this rank's own reason stays */
    if (!ok)
        head.why = *e;
    lrt_ranks_send(p->ranks, p->other, LRT_TAG_PREDICTION, &head, sizeof head);
    if (!make_room(p, sizeof head, e))
        return false;
    ok = receive(p, NULL, 0, &head, why) && ok;
    *lost |= head.lost;
    return ok;
}

void lrt_pair_give_up(lrt_pair *p, const lrt_error *why)
{
    const Head head = {.serial = p->serial, .why = *why};
    lrt_ranks_send(p->ranks, p->other, LRT_TAG_PREDICTION, &head, sizeof head);
}
