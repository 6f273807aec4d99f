/* CLIP's byte-pair encoding, on a vocabulary that is used as it lies in the file. */
#ifndef LATENTRT_TOKENIZER_H
#define LATENTRT_TOKENIZER_H
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The vocabulary blob: this header, then merge slots, then token offsets (n_tokens + 1), then the
 * tokens' bytes. Native byte order. A merge slot is found by hashing the two ids; empty slots have
 * rank UINT32_MAX. Tokens that end a word end with a space. */
typedef struct {
    uint32_t left, right, rank, result;
} lrt_merge;
typedef struct {
    char magic[8]; /* "lrtvocab" */
    uint32_t version, n_tokens, n_merges, n_slots /* a power of two */, start,
        end /* ids of the specials */, text_bytes, reserved;
    uint32_t byte_id[256], byte_end_id[256]; /* the byte inside a word; at its end */
} lrt_vocab_header;
#define LRT_VOCAB_VERSION 1
typedef struct {
    const lrt_vocab_header *header;
    const lrt_merge *slots;
    const uint32_t *offsets;
    const char *text;
} lrt_vocab;
/* Checks sizes and every id; the blob (8-byte aligned) must outlive v. */
bool lrt_vocab_open(const void *blob, size_t bytes, lrt_vocab *v, lrt_error *e);
uint32_t lrt_merge_slot(
    uint32_t left, uint32_t right,
    uint32_t n_slots); /* where the search begins; it goes on with the next slot */

typedef struct {
    int32_t *ids;
    size_t n, cap;
    bool failed;
} lrt_tokens; /* zero-initialise; free(ids) */
/* The longest prompt, in bytes: a page of text is a tenth of it. */
enum { LRT_PROMPT_LIMIT = 65536 };
/* Appends all ids of a prompt, start and end of text included. */
bool lrt_tokenize(const lrt_vocab *v, const char *prompt, lrt_tokens *out, lrt_error *e);
/* What a token stands for: pointer into the vocabulary and its length. */
const char *lrt_token_text(const lrt_vocab *v, int32_t id, size_t *n);

/* vocab.c: makes a blob from a merges file (a header line, then two symbols a line; gzip or plain,
 * told apart by content). ids: what another source says about a token's id, or NULL for CLIP's
 * order; it returns false for an unknown token. Lines past CLIP's own 48894 merges are ignored.
 * Result: malloc'd, *bytes long; NULL on error. */
typedef struct {
    bool (*find)(void *context, const char *token, uint32_t *id);
    void *context;
    uint32_t n_tokens;
    const char *(*merge)(
        void *context,
        uint32_t i); /* line i of the merges; NULL: no more. Without it the file is read */
} lrt_vocab_ids;
void *lrt_vocab_build(const char *merges_path, const lrt_vocab_ids *ids, size_t *bytes,
                      lrt_error *e);
#endif
