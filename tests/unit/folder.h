/* A folder for the files of one test program. */
#ifndef FOLDER_H
#define FOLDER_H

/* Setup and teardown of a group of tests. The teardown fails if a test has left a file, above all a
 * temporary one. */
int make_folder(void **state);
int remove_folder(void **state);

/* The folder's path. */
const char *folder_path(void);

/* NAME's path in the folder, up to the next call. */
const char *in_folder(const char *name);

#endif
