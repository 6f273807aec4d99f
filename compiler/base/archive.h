/* Zip archives, as far as reading a model needs them. archive.c alone includes libzip's header.
 * Nothing is unpacked under a name that the archive gives. err() with the archive's path, the entry
 * and what is wrong, on any damage. */
#ifndef LATENTC_ARCHIVE_H
#define LATENTC_ARCHIVE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Archive Archive;

/* Do the n bytes begin as a zip archive does? */
bool archive_signature(const void *head, size_t n);

/* Opens an archive, which is mapped, and checks the names of its entries: none twice, none that
 * leads out of a folder. The caller closes it. */
Archive *archive_open(const char *path);

/* The same over bytes that the caller keeps until archive_close; path is for messages. */
Archive *archive_from_memory(const char *path, const void *data, size_t bytes);

/* Closes the archive and frees all that was read from it; NULL is fine. */
void archive_close(Archive *z);

/* Is there an entry of this name? */
bool archive_has(const Archive *z, const char *name);

/* A small entry as text: *len bytes, and a NUL after them. err() when it is missing, or longer than
 * `most`. Lives until archive_close. */
const char *archive_text(Archive *z, const char *name, size_t most, size_t *len);

/* A large entry, *bytes bytes, whose checksum is right. An entry that is stored uncompressed is a
 * part of the mapped archive; a compressed one is unpacked to a file without a name in $TMPDIR
 * (else /var/tmp), and mapped there. err() when it is missing or there is no room. Lives until
 * archive_close. */
const void *archive_mapped(Archive *z, const char *name, size_t *bytes);
#endif
