/* Pictures from a program of one's own: the C interface of what `latentc build --emit so` and
 * `--emit a` make. docs/library.md has examples.
 *
 *     char why[1024];
 *     lrt_generator *g = lrt_create(NULL, 0, why, sizeof why);
 *     if (g && !lrt_set_prompt(g, "a red circle", NULL) && !lrt_run(g, NULL, NULL))
 *         use(lrt_picture(g), lrt_width(g), lrt_height(g));
 *     lrt_destroy(g);
 *
 * A handle holds the working memory of one picture at a time; code and weights are mapped from the
 * file and shared by all handles and processes. One handle must not be used by two threads at once;
 * different handles may be. Nothing here ends the process, prints, or installs handlers of signals.
 * Work is spread over OpenMP threads. Texts are UTF-8. */
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
enum {
    LRT_DONE = 0,
    LRT_FAILED = 1,
    LRT_STOPPED = 2
}; /* what functions return; after LRT_FAILED lrt_message says why */

/* file: where the weights are; NULL: in the shared object that this code is in, or, for an archive
 * and with `--weights-file`, in the file of that name beside the shared object or program that this
 * code is in. threads: 0, one per physical core. NULL when it fails; why (why_bytes, may be 0) then
 * says what to do. */
LRT_API lrt_generator *lrt_create(const char *file, int threads, char *why, size_t why_bytes);
LRT_API void lrt_destroy(lrt_generator *g); /* NULL is fine */

/* negative: NULL or "" for none. */
LRT_API int lrt_set_prompt(lrt_generator *g, const char *prompt, const char *negative);
/* Any setting of a generator's command line by its long name, "steps" to "20", "sampling-method" to
 * "ddim" (docs/generator.md), but those that write files or print. It holds for all pictures from
 * then on; a setting that is not taken changes nothing. */
LRT_API int lrt_set(lrt_generator *g, const char *name, const char *value);

/* After each of the steps; anything but 0 stops. */
typedef int lrt_progress_callback(void *user, int step, int steps);
/* Draws a picture: minutes, for large models on small machines. LRT_STOPPED: the callback wanted
 * it; the handle can be used again. progress: may be NULL. A negative seed stands for a random one:
 * lrt_seed says which. */
LRT_API int lrt_run(lrt_generator *g, lrt_progress_callback *progress, void *user);
/* RGB, (lrt_height, lrt_width, 3), rows from top to bottom; the handle's own, until its next run.
 * NULL before the first. */
LRT_API const uint8_t *lrt_picture(const lrt_generator *g);
LRT_API int lrt_width(const lrt_generator *g);
LRT_API int lrt_height(const lrt_generator *g);
LRT_API int64_t lrt_seed(const lrt_generator *g); /* of the last picture */
/* Why the last call failed, or what a run had to say (a prompt that was cut); "" otherwise. The
 * handle's own, until the next call. */
LRT_API const char *lrt_message(const lrt_generator *g);

#ifdef __cplusplus
}
#endif
#endif
