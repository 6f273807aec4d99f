/* Vocabularies: what --vocab names, made into the blob that generators embed (runtime/tokenizer.h). */
#ifndef LATENTC_VOCAB_H
#define LATENTC_VOCAB_H
#include "util.h"

/* path: a merges file (plain or gzip), or a folder with vocab.json and merges.txt, whose ids are then vocab.json's. The blob is malloc'd; *bytes is its
 * size. err() when something is missing or does not fit. */
void *vocab_load(const char *path, size_t *bytes);
#endif
