/* TAESD's own files, as its authors publish them: decoder and encoder are a file each. */
#ifndef LATENTC_TAESD_H
#define LATENTC_TAESD_H
#include "scheme.h"

/* "taesd". */
extern const Scheme taesd_scheme;

/* Rows of the table in formats.c. */
bool is_taesd_file(const Peek *p);
void open_taesd_file(Checkpoint *c, const CheckpointOptions *o);
bool is_taesd_folder(const Peek *p);
void open_taesd_folder(Checkpoint *c, const CheckpointOptions *o);
#endif
