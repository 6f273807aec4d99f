/* Vocabularies as users have them -> the blob that a generator maps (runtime/tokenizer.h). */
#ifndef LATENTC_VOCAB_H
#define LATENTC_VOCAB_H
#include <stddef.h>
/* path: a merges file (plain or .gz), or a folder with vocab.json, whose ids count, and merges.txt. The caller frees the blob. err() when unreadable. */
void *vocab_load(const char *path, size_t *bytes);
#endif
