/* Drawing pictures from your own program: the C interface of the libraries that `latentc build
 * --emit so` and `--emit a` make. docs/library.md has examples.
 *
 *     char why[1024];
 *     lrt_generator *g = lrt_create(NULL, 0, why, sizeof why);
 *     if (g && !lrt_set_prompt(g, "a red circle", NULL) && !lrt_run(g, NULL, NULL))
 *         use(lrt_picture(g), lrt_width(g), lrt_height(g));
 *     lrt_destroy(g);
 *
 * A handle has the working memory for one picture at a time. Code and weights are mapped from the
 * file and shared by all handles and processes. Only one thread may use a handle at a time; several
 * handles may be in use at once. The functions do not end the process, print, or install signal
 * handlers. They use OpenMP threads. Texts are UTF-8. */
#ifndef LATENTRT_H
#define LATENTRT_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#define LRT_API __attribute__((visibility("default")))
#else
#define LRT_API
#endif

typedef struct lrt_generator lrt_generator;
/* What functions return. After LRT_FAILED, lrt_message says why. */
enum { LRT_DONE = 0, LRT_FAILED = 1, LRT_STOPPED = 2 };

/* Opens the weights. file: the file that holds them. NULL: the shared object that this code is in;
 * for an archive, and with `--weights-file`, the file of that name next to the shared object or
 * program that this code is in. threads: 0 for one per physical core; at most four for
 * each CPU are used, and no more than the system lets the process start. NULL when it fails; then
 * why (why_bytes long, may be 0) says what to do. */
LRT_API lrt_generator *lrt_create(const char *file, int threads, char *why, size_t why_bytes);
/* Frees g; g may be NULL. */
LRT_API void lrt_destroy(lrt_generator *g);

/* Sets the prompt and the negative prompt (NULL or "": none). */
LRT_API int lrt_set_prompt(lrt_generator *g, const char *prompt, const char *negative);
/* Sets any setting of a generator's command line that shapes the picture, by its long name: "steps"
 * to "20", "sampling-method" to "ddim" (docs/generator.md). value NULL: back to its default. It
 * holds for all later pictures. On LRT_FAILED nothing has changed. */
LRT_API int lrt_set(lrt_generator *g, const char *name, const char *value);

/* Called after each step, step from 1. A result other than 0 stops the run. */
typedef int lrt_progress_callback(void *user, int step, int steps);
/* Draws a picture, which may take minutes. progress: may be NULL. LRT_STOPPED: the callback stopped
 * it; the handle can be used again. A negative seed stands for a random one, which lrt_seed
 * returns. */
LRT_API int lrt_run(lrt_generator *g, lrt_progress_callback *progress, void *user);
/* The last picture: RGB, (lrt_height, lrt_width, 3), rows from top to bottom. It belongs to the
 * handle and is valid until its next run. NULL before the first one. */
LRT_API const uint8_t *lrt_picture(const lrt_generator *g);
/* Its size, in pixels. */
LRT_API int lrt_width(const lrt_generator *g);
LRT_API int lrt_height(const lrt_generator *g);
/* Its seed. */
LRT_API uint64_t lrt_seed(const lrt_generator *g);
/* Why the last call failed, or a note about a run (a prompt was cut); else "". It belongs to the
 * handle and is valid until the next call. */
LRT_API const char *lrt_message(const lrt_generator *g);

#ifdef __cplusplus
}
#endif
#endif
