/* CLIP's byte-pair encoding. The vocabulary is used as it is in the file, without parsing. */
#ifndef LATENTRT_TOKENIZER_H
#define LATENTRT_TOKENIZER_H
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The vocabulary blob: this header, then merge slots (n_slots), token offsets (n_tokens + 1), and
 * the bytes of all tokens. Native byte order. A merge is found by the hash of its two ids; empty
 * slots have rank UINT32_MAX. The text of a token that ends a word ends with a space. */
typedef struct {
    uint32_t left, right, rank, result;
} lrt_merge;
typedef struct {
    char magic[8]; /* "lrtvocab" */
    uint32_t version, n_tokens, n_merges;
    uint32_t n_slots;    /* a power of two */
    uint32_t start, end; /* ids of start and end of text */
    uint32_t text_bytes, reserved;
    uint32_t byte_id[256];     /* ids of single bytes inside a word */
    uint32_t byte_end_id[256]; /* and at its end */
} lrt_vocab_header;
#define LRT_VOCAB_VERSION 1
typedef struct {
    const lrt_vocab_header *header;
    const lrt_merge *slots;
    const uint32_t *offsets;
    const char *text;
} lrt_vocab;
/* Checks sizes and every id. The blob (8-byte aligned) must outlive v. false, with *e: it is
 * damaged or of another version. */
bool lrt_vocab_open(const void *blob, size_t bytes, lrt_vocab *v, lrt_error *e);
/* The slot where the search for a merge begins; it continues with the next slot. */
uint32_t lrt_merge_slot(uint32_t left, uint32_t right, uint32_t n_slots);

/* A growing array of ids. Zero-initialise it; free(ids) when done. */
typedef struct {
    int32_t *ids;
    size_t n, cap;
    bool failed;
} lrt_tokens;
/* The longest prompt, in bytes: about ten pages of text. */
enum { LRT_PROMPT_LIMIT = 65536 };
/* Appends all ids of a prompt (UTF-8), with start and end of text. false, with *e: the prompt is
 * too long or invalid, or memory is short. */
bool lrt_tokenize(const lrt_vocab *v, const char *prompt, lrt_tokens *out, lrt_error *e);
/* The text of a token: a pointer into the vocabulary, *n bytes long. */
const char *lrt_token_text(const lrt_vocab *v, int32_t id, size_t *n);
#endif
