/* The 64-bit hash of containers, in one call (lrt_hash64, plan.h) or fed piece by piece.
 *
 * The bytes are cut into chunks of 4 MiB. A chunk's hash runs four lanes of multiply and rotate
 * over 32-byte blocks; the hash of the whole folds the chunks' hashes, in order, and the length. It
 * finds accidents and edits; it is no protection against an adversary. */
#ifndef LATENTRT_HASH_H
#define LATENTRT_HASH_H
#include "plan.h"

#define LRT_HASH_CHUNK ((size_t)4 << 20)
/* Bytes that come in order: hash_begin, hash_add as often as wanted, hash_end. Gives what
 * lrt_hash64 gives for the whole. */
typedef struct {
    uint64_t lane[4], combined, total;
    size_t in_chunk;        /* bytes of the current chunk so far */
    unsigned char tail[32]; /* its last in_chunk % 32 bytes */
} lrt_hasher;
void lrt_hash_begin(lrt_hasher *h);
void lrt_hash_add(lrt_hasher *h, const void *p, size_t n);
uint64_t lrt_hash_end(lrt_hasher *h);
#endif
