/* Vocabularies as users have them, made into the blob that a generator maps (tokenizer.h of the
 * runtime). */
#ifndef LATENTC_VOCAB_H
#define LATENTC_VOCAB_H
#include <stddef.h>

/* Reads a vocabulary: a merges file (plain or .gz), a tokenizer.json, or a folder with vocab.json,
 * which gives the ids, and merges.txt, or with tokenizer.json alone. The caller frees the blob of
 * *bytes bytes. err() when unreadable. */
void *vocab_load(const char *path, size_t *bytes);
/* The id of a token in such a folder, as its files write it ("!", "<|endoftext|>"); err() when it
 * has none. */
int vocab_token(const char *folder, const char *token);
#endif
