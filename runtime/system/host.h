/* What Linux says about the machine and the process: files below /proc and /sys. No other file of
 * the project reads them. Everything there may be missing or odd: in a sandbox, a chroot, on a
 * small board. So each function has a default.
 *
 * Tests set LATENTC_SYSTEM_ROOT to a folder that stands for "/". */
#ifndef LATENTRT_HOST_H
#define LATENTRT_HOST_H
#include <stdbool.h>
#include <stddef.h>

/* Reads the file `path` (below /proc or /sys) into text, 0-terminated, at most n - 1 bytes of it.
 * false, with "": it is not there, or empty. */
bool lrt_host_read(const char *path, char *text, size_t n);
/* A whole number at the start of such a file; `otherwise` where there is none. */
long lrt_host_number(const char *path, long otherwise);
/* A path that opens the program's own file: /proc/self/exe, or without /proc the path that it was
 * started with. */
const char *lrt_host_program(void);
/* The absolute path of the program's own file. false: it is not known. */
bool lrt_host_program_path(char *path, size_t n);
/* The absolute path of the file that the code at p was loaded from: a shared library, or the
 * program. false: it is not known. */
bool lrt_host_file_of_code(const void *p, char *path, size_t n);
#endif
