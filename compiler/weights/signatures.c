/* Files of weights that no pipeline of latentc takes: see signatures.h. */
#include "signatures.h"

#include <string.h>

#include "err.h"
#include "words.h"

enum { ANY = -1 };
typedef enum {
#define ADVICE(name, text) ADVICE_##name,
#include "signatures.def"
} AdviceId;

static const char *const advice[] = {
#define ADVICE(name, text) text,
#include "signatures.def"
};

typedef struct {
    const char *name;
    int axis;
    int64_t size;
    const char *what;
    AdviceId advice;
} Signature;
static const Signature signatures[] = {
#define SIGNATURE(name, axis, size, what, advice) {name, axis, size, what, ADVICE_##advice},
#include "signatures.def"
};
enum { N_SIGNATURES = sizeof signatures / sizeof signatures[0] };

static const Stored *find(const Checkpoint *c, const Signature *s)
{
    for (size_t i = 0; i < c->n; i++) {
        const Stored *t = &c->tensors[i];
        if (words_match(s->name, t->name) &&
            (s->axis == ANY || (t->rank > s->axis && t->dim[s->axis] == s->size)))
            return t;
    }
    return NULL;
}

const char *signature_of(const Checkpoint *c)
{
    for (int i = 0; i < N_SIGNATURES; i++) {
        const Stored *t = find(c, &signatures[i]);
        if (t)
            return arena_printf(c->arena, "%s, by its tensor \"%s\": %s", signatures[i].what,
                                t->name, advice[signatures[i].advice]);
    }
    return NULL;
}

void signature_refuse(const Checkpoint *c)
{
    const char *what = signature_of(c);
    if (what)
        err("%s: this is %s", c->spec, what);
}
