/* The names of the files of jobs, and whether they may be written. */
#ifndef LATENTRT_JOB_FILES_H
#define LATENTRT_JOB_FILES_H
#include "part.h"
#include "prompts.h"

/* The name of picture i (from 0) of a job; pictures: how many all jobs have; tag: in front of the
 * ending. malloc'd; NULL: no memory. */
char *lrt_picture_name(const lrt_job *job, int64_t i, int64_t pictures, const char *tag);
/* The name of another file of picture i, numbered among all pictures: of --trace, --save-latent. */
char *lrt_side_name(const lrt_job *job, const char *pattern, int64_t i, int64_t pictures);

/* Before any work: false, with *e, when an output of a job is a file that is read while the program
 * runs (itself, its weights, --prompts, --latent-in), or another output. Pictures to start from and
 * --from-png are read whole first: they may be replaced. weights_path: NULL when they are in the
 * program. */
bool lrt_jobs_claim(const lrt_jobs *jobs, const char *weights_path, lrt_error *e);
/* Of a list that several processes draw at the same time: false, with *e ("FILE:LINE: ..."), when a
 * line starts from a picture that another process may draw. ranks: pictures are handed out one by
 * one; else each process draws its part. */
bool lrt_jobs_check_sources(const lrt_jobs *jobs, lrt_part part, bool ranks, lrt_error *e);
#endif
