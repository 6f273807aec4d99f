/* Random changes of the files of a corpus. The same seed and number make the same input. */
#ifndef LATENTC_FUZZ_MUTATE_H
#define LATENTC_FUZZ_MUTATE_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *path;
    uint8_t *data;
    size_t bytes;
} CorpusFile;
/* The files of a corpus in the order of their names. */
typedef struct {
    CorpusFile *files;
    int n, cap;
} Corpus;

/* Adds the regular files of a folder; err() when it cannot be read. */
void corpus_add(Corpus *c, const char *folder);
/* The input of this number: a file of the corpus with one to eight changes. The caller frees it;
 * it has exactly *bytes bytes, so that a sanitizer sees reads past the end. */
uint8_t *corpus_input(const Corpus *c, uint64_t seed, uint64_t number, size_t *bytes);
#endif
