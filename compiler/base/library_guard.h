/* For libraries that trust the files they read: a damaged file that crashes the library, or keeps
 * it busy, becomes the user's error. */
#ifndef LATENTC_LIBRARY_GUARD_H
#define LATENTC_LIBRARY_GUARD_H

/* Until library_guard_end: a crash, or more than `seconds` seconds of computing, ends the program
 * as err() does, with "PATH: damaged: LIBRARY ...". Calls do not nest. Without effect while
 * err_catch() is in force. */
void library_guard(const char *path, const char *library, int seconds);

/* Restores the signal handlers that were there before. */
void library_guard_end(void);
#endif
