/* Whole files, and the files that come with this program. */
#ifndef LATENTC_FILES_H
#define LATENTC_FILES_H
#include <stddef.h>

#include "arena.h"

/* Bytes that read_file takes at most: JSON and texts of graphs are much smaller, and a device may
 * give bytes without end. */
enum { READ_FILE_MOST = 64 << 20 };

/* A whole file, with a NUL after it that *len does not count; len may be NULL. The caller frees. A
 * pipe or a device may be read again: it gives what it gave the first time. err() with the reason
 * when the file cannot be read, or is too long. */
char *read_file(const char *path, size_t *len);

/* The folder of this program's executable; NULL, errno set, where the system does not say. */
const char *own_folder(Arena *a);

/* A graph or pipeline file as people name it: `path` where such a file is there and is not a
 * program, such as the one that `build shapes -o shapes` wrote; else a file that comes with
 * latentc: "graphs/sd2/pipeline.json", also without "graphs/"; "sd2" for that pipeline;
 * "sd2/decoder" for graphs/sd2/decoder.json. `path` itself when there is none; err() when there is
 * none, but a pipeline of nearly that name. The text lives as long as the process. */
const char *graph_file(const char *path);

/* The path of a file that comes with this program, such as "graphs/sd2/pipeline.json": in the
 * source folder, or as installed. NULL when it is in neither. */
const char *own_file(Arena *a, const char *relative);
#endif
