/* The 64-bit hash of small data: the footer of containers, and what pictures record of other files.
 * It never changes, so that the footers of old files and the records of old pictures can be read.
 * Sections of containers have a faster one (section_hash.h).
 *
 * The bytes are cut into chunks of 4 MiB. A chunk's hash runs four lanes of multiply and rotate
 * over 32-byte blocks. The hash of the whole folds the chunks' hashes, in order, and the length. It
 * detects accidents and edits; it does not protect against an adversary. */
#ifndef LATENTRT_HASH_H
#define LATENTRT_HASH_H
#include <stdint.h>

/* The hash of n bytes. */
uint64_t lrt_hash64(const void *p, uint64_t n);
#endif
