/* Mapped files that must not change while the program reads them. */
#ifndef LATENTC_READING_H
#define LATENTC_READING_H

/* A file that is being read. If somebody makes it shorter meanwhile, the program ends as err()
 * does; if somebody writes to it, readings_check() finds out. Not for use with threads. */
typedef struct Reading Reading;

/* From now on path, open as fd, is being read; reading_end closes fd. err() when the system does
 * not give its size. */
Reading *reading_begin(const char *path, int fd);

/* Ends it and closes the file; NULL is fine. */
void reading_end(Reading *r);

/* err() when a file that is being read has another size or time of change than at reading_begin. */
void readings_check(void);
#endif
