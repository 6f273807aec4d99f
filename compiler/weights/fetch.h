/* Published weights by name: graphs/published.json says which files, where they are and their
 * sha256; downloads go into the user's cache. */
#ifndef LATENTC_FETCH_H
#define LATENTC_FETCH_H
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

/* Environment, for mirrors and tests: LATENTC_FETCH_BASE, an address that replaces everything
 * before the files' names; LATENTC_FETCH_LIST, another list than graphs/published.json. */
typedef struct {
    /* Download nothing: err() at the first file that is not in the cache. */
    bool offline;
    /* Compute the sha256 of files in the cache; fetch a file again where it differs. */
    bool verify;
    /* Give up after this many seconds in which a download hardly moves; 0: FETCH_PATIENCE. */
    int64_t patience;
    /* As LATENTC_FETCH_BASE and LATENTC_FETCH_LIST, which they overrule; NULL: none. */
    const char *from, *list;
} FetchOptions;

/* ---- fetch.c ---- */

/* Could `spec` be a name of the list? It has no '/', is no file, and the list has it. list: as
 * above, or NULL. */
bool fetch_knows(const char *spec, const char *list);

/* The folder with all files of `name`, which is in the list: $XDG_CACHE_HOME/latentc/NAME
 * (~/.cache/latentc/NAME). Missing files are downloaded into FILE.part. A partial download is
 * continued if the server can. A file gets its name once it is complete and has its sha256. err()
 * on every failure, with the address; FILE.part stays. The text is the arena's. */
const char *fetch_published(Arena *a, const char *name, const FetchOptions *o);

/* The names of the list, "a, b"; "" when the list is nowhere. */
const char *fetch_names(Arena *a, const char *list);

/* Prints the list: names, files, whether they are in the cache. */
void fetch_print(const char *list);

/* ---- fetch_http.c ---- */

/* Seconds. */
enum { FETCH_PATIENCE = 120 };

/* One file: its address, where it goes, its sha256 (64 hexadecimal digits), its name on the
 * progress bar, how many bytes it has at most, and for how many seconds the download may move by
 * less than 64 KiB, waits between tries included. */
typedef struct {
    const char *address, *path, *sha256, *what;
    int64_t most, patience;
} FetchFile;

/* Downloads it; err() when that fails or another file comes. */
void fetch_file(const FetchFile *f);

/* The sha256 of a file in hexadecimal; err() when it cannot be read. */
void fetch_sha256(const char *path, char hex[65]);
#endif
