/* Where an output goes, and whether it may: its place behind symbolic links, its temporary name,
 * what killed processes left there, and files that must not be replaced. */
#ifndef LATENTRT_OUTPUT_PLACE_H
#define LATENTRT_OUTPUT_PLACE_H
#include "error.h"

/* The file that is written for `path`: where its symbolic links lead, also when nothing is there
 * yet. The links stay as they are. malloc'd; NULL, with *e: links in a circle, or no memory. */
char *lrt_output_target(const char *path, lrt_error *e);
/* The one name of that file, however `path` spells it: its folder without links and "..". A folder
 * that is not there stays as it is written. malloc'd; NULL, with *e, as above. */
char *lrt_output_identity(const char *path, lrt_error *e);
/* The name that a file has until it is complete: "TARGET.tmp.PID" and `ending`. malloc'd; NULL: no
 * memory. */
char *lrt_output_temporary(const char *target, const char *ending);
/* Removes files and folders with such names whose process is gone. */
void lrt_output_sweep(const char *target);

/* Whether path can be written: its folder is there and takes new files, it is no folder itself; a
 * device, a pipe and "-", standard output, may be written. Leaves nothing behind. */
bool lrt_output_possible(const char *path, lrt_error *e);
/* The file at path is read: no output may replace it. false, with *e: an output that was claimed
 * before would. A path that is not there, or a folder, device or pipe, is passed over. */
bool lrt_output_protect(const char *path, lrt_error *e);
/* Whether an output would replace a protected file, or would be the same file as a claimed output,
 * also through links of both kinds. Devices may be named more than once. false, with *e: it would.
 */
bool lrt_output_free(const char *path, lrt_error *e);
/* The part of it about protected files. */
bool lrt_output_unprotected(const char *path, lrt_error *e);
/* lrt_output_possible, lrt_output_free, and remembers the path as an output. */
bool lrt_output_claim(const char *path, lrt_error *e);
/* lrt_output_free, and remembers the path as an output that is read first: lrt_output_protect
 * passes over it. A second time is fine. */
bool lrt_output_claim_update(const char *path, lrt_error *e);
/* Forgets protected and claimed files. */
void lrt_output_forget(void);
#endif
