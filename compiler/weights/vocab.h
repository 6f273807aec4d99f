/* Vocabularies as users have them -> the blob that a generator maps (runtime/tokenizer.h). */
#ifndef LATENTC_VOCAB_H
#define LATENTC_VOCAB_H
#include <stddef.h>
/* path: a merges file (plain or .gz); a tokenizer.json; or a folder with vocab.json, whose ids
 * count, and merges.txt, or with tokenizer.json alone. The caller frees the blob. err() when
 * unreadable. */
void *vocab_load(const char *path, size_t *bytes);
/* The id of a token in such a folder, as its files write it ("!", "<|endoftext|>"); err() when it
 * has none. */
int vocab_token(const char *folder, const char *token);
#endif
