/* Outputs that appear under their names only when they are complete: until then they have a
 * temporary name, and err(), die(), a signal or exit removes them. */
#ifndef LATENTC_OUTFILE_H
#define LATENTC_OUTFILE_H
#include <stddef.h>
#include <stdio.h>

/* A file, written to "<path>.tmp.<pid>". Where path is a symbolic link, the file that it leads to
 * is written, and the link stays. A device, a pipe, and "-", which is standard output, get a
 * complete copy in the end. */
typedef struct OutFile OutFile;

/* Before the work: path is an output of this command. err() when it cannot be written, when it is
 * this program itself, or when an input or another output is the same file. */
void output_claim(const char *path);

/* As output_claim, for a file that is read first and not always written: whether it can be written
 * is not asked. */
void output_claim_update(const char *path);

/* Now it shall be written: err() when it cannot be. */
void output_check(const char *path);

/* As output_claim, for a folder: it is there, or can be made. */
void outfolder_claim(const char *path);

/* path is read, by whoever opens it: no output may be the same file. err() when a claimed one is.
 */
void input_claim(const char *path);

/* Begins a file for path; first removes what killed processes left of it. err() when it cannot be
 * created, or when path is a folder or an input. */
OutFile *outfile_open(const char *path);

/* Begins a file that is needed on the way to the output `of`, such as its object code: it is never
 * committed. ending: of its temporary name. */
OutFile *outfile_scratch(const char *of, const char *ending);

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

/* err() when something that was printed on standard output could not be written. */
void stdout_check(void);

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
