/* Outputs that appear under their names only when they are complete: until then they have a
 * temporary name, and err(), die(), a signal or exit removes them. */
#ifndef LATENTC_OUTFILE_H
#define LATENTC_OUTFILE_H
#include <stddef.h>
#include <stdio.h>

/* A file, written to "<path>.tmp.<pid>". */
typedef struct OutFile OutFile;

/* Begins a file for path. err() when it cannot be created, or when path is a folder, a device or a
 * pipe. */
OutFile *outfile_open(const char *path);

/* The stream to write to; outfile_commit and outfile_discard close it. */
FILE *outfile_stream(OutFile *f);

/* The temporary name, for tools that write by name, such as the linker. */
const char *outfile_temp_path(const OutFile *f);

/* Writes n bytes; err() on a full disk. */
void outfile_write(OutFile *f, const void *p, size_t n);

/* Syncs the file, gives it its permission bits (mode, such as 0644) and its name, and frees f.
 * err() when that fails, or when readings_check() (reading.h) does. */
void outfile_commit(OutFile *f, int mode);

/* Closes and removes the file, and frees f. */
void outfile_discard(OutFile *f);

/* Begins a folder for path, one at a time. Returns the temporary name to write under: open files
 * there with outfile_open, make folders with outfolder_make. err() when path is a file or the
 * folder cannot be made. */
const char *outfolder_open(const char *path);

/* Makes a folder within it; path begins with what outfolder_open returned. */
void outfolder_make(const char *path);

/* Gives the folder its name. Where a folder of that name exists, its files stay, and the new ones
 * are moved into it. */
void outfolder_commit(void);
#endif
