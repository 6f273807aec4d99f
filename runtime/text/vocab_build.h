/* Making a vocabulary blob (tokenizer.h) from the files that models come with. */
#ifndef LATENTRT_VOCAB_BUILD_H
#define LATENTRT_VOCAB_BUILD_H
#include "tokenizer.h"

/* Where ids come from, when not from CLIP's own order. */
typedef struct {
    /* The id of a token; false: unknown. */
    bool (*find)(void *context, const char *token, uint32_t *id);
    void *context;
    uint32_t n_tokens;
    /* Line i of the merges; NULL: no more. The member is NULL when they are in a file. */
    const char *(*merge)(void *context, uint32_t i);
} lrt_vocab_ids;
/* Makes the blob from a merges file: a header line, then two symbols per line, gzip or plain (its
 * content decides). ids NULL: CLIP's order. Lines after CLIP's own 48894 merges are ignored.
 * malloc'd, *bytes long; NULL, with *e, on an error. */
void *lrt_vocab_build(const char *merges_path, const lrt_vocab_ids *ids, size_t *bytes,
                      lrt_error *e);
#endif
