/* The program around the stages: command line, prompt, pictures. See generator.h. */
#include "generator.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "picture.h"
#include "progress.h"
#include "session.h"
#include "tensors.h"

/* One run of the program. */
typedef struct {
    const char *program; /* for messages: the last part of argv[0] */
    lrt_session s;
    /* the picture in the making */
    int64_t number;
    lrt_progress progress;
    lrt_output trace;
} Run;

/* One line on standard error; returns the exit code, for `return complain(...)`. */
static int complain(const Run *r, int code, const char *message)
{
    fprintf(stderr, "%s: error: %s\n", r->program, message);
    return code;
}

static int print_tokens(const Run *r)
{
    lrt_tokens t = {0};
    lrt_error e;
    bool ok = lrt_tokenize(&r->s.vocab, r->s.set.prompt, &t, &e);
    for (size_t i = 0; ok && i < t.n; i++)
        printf(i ? " %d" : "%d", t.ids[i]);
    if (ok)
        putchar('\n');
    free(t.ids);
    if (ok)
        return fflush(stdout) ? complain(r, LRT_EXIT_USER, "standard output cannot be written") : LRT_EXIT_OK;
    char text[sizeof e.text + 16];
    snprintf(text, sizeof text, "prompt: %s", e.text);
    return complain(r, LRT_EXIT_USER, text);
}

static int print_info(const Run *r)
{
    const lrt_pipeline *p = r->s.pipeline;
    const lrt_program *c = p->program;
    printf("name          %s\nmade from     %s\noptions       %s\ntarget        %s\n", p->name,
           c->made_from ? c->made_from : "", c->options ? c->options : "", c->target);
    printf("picture       %d x %d, at most %d tokens\n", p->width, p->height, p->max_text_length);
    for (uint32_t i = 0; i < c->n_stages; i++) {
        const lrt_stage *s = c->stages[i];
        printf("stage         %s: %u + %u + %u kernels (prompt, time, step), %.1f MB of weights, %.1f MB of memory\n",
               s->name, s->prompt.n_steps, s->time.n_steps, s->step.n_steps, s->weights_bytes / 1e6,
               (s->arena_bytes + s->prompt_bytes) / 1e6);
    }
    printf("fingerprint   %016llx-%016llx (code layout, weights)\nruntime       %s\n",
           (unsigned long long)c->layout_hash,
           (unsigned long long)r->s.container.footer.sections[LRT_SECTION_WEIGHTS].hash, LRT_VERSION);
    return fflush(stdout) ? complain(r, LRT_EXIT_USER, "standard output cannot be written") : LRT_EXIT_OK;
}

/* The text that web interfaces show and read back. malloc'd. */
static char *parameters_text(const Run *r, int64_t seed)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    fprintf(f, "%s\n", r->s.set.prompt);
    if (*r->s.set.negative)
        fprintf(f, "Negative prompt: %s\n", r->s.set.negative);
    fprintf(f, "Steps: %lld, Sampler: %s, CFG scale: %g, Seed: %lld, Size: %dx%d, Model: %s, RNG: %s",
            (long long)r->s.set.steps, r->s.set.sampler->name, r->s.set.cfg_scale, (long long)seed, r->s.pipeline->width,
            r->s.pipeline->height, r->s.pipeline->name, r->s.set.rng->name);
    if (r->s.set.alpha == r->s.set.alpha)
        fprintf(f, ", Alpha: %g", r->s.set.alpha);
    fprintf(f, ", Version: latentc %s", LRT_VERSION);
    return fclose(f) ? NULL : text;
}

static bool write_picture(Run *r, const char *tag, int64_t seed, lrt_error *e)
{
    char *name = lrt_numbered_name(r->s.set.output, r->number, r->s.set.batch_count, tag),
         *text = parameters_text(r, seed);
    lrt_profile_begin(r->s.profile, "picture file", 0, NULL, 0);
    bool ok = name && text ? lrt_png_write(name, r->s.engine.rgb, r->s.pipeline->width, r->s.pipeline->height, text, e)
                           : lrt_fail(e, "out of memory");
    lrt_profile_end(r->s.profile);
    free(name);
    free(text);
    return ok;
}

/* After the model's estimate at the first call of a step: trace and preview. The first time, the weights are checked: not before, so that
 * the first step need not wait for it, and before anything is written. */
static bool on_step(void *context, const lrt_sampling *s, int k, const float *x, const float *x0, lrt_error *e)
{
    Run *r = context;
    int step = s->point[k].step + 1;
    (void)x;
    lrt_profile_begin(r->s.container.unchecked ? r->s.profile : NULL, "check of the weights", 0, NULL, 0);
    bool sound = lrt_container_check(&r->s.container, e);
    lrt_profile_end(r->s.profile);
    if (!sound)
        return false;
    if (r->trace.stream)
        fprintf(r->trace.stream, "%d,%.9g,%.9g,%.9g,%.9g\n", step, s->point[k].t, s->point[k].sigma,
                lrt_sampling_alpha(s, k), lrt_sampling_deviation(s, k));
    lrt_progress_step(&r->progress, step);
    if (!r->s.set.preview_every || step % r->s.set.preview_every || step == s->steps)
        return true;
    return lrt_engine_decode(&r->s.engine, x0, e) && write_picture(r, ".preview", r->s.set.seed + r->number - 1, e);
}

static bool open_trace(Run *r, lrt_error *e)
{
    if (!r->s.set.trace)
        return true;
    char *name = lrt_numbered_name(r->s.set.trace, r->number, r->s.set.batch_count, "");
    bool ok = name ? lrt_output_open(&r->trace, name, e) : lrt_fail(e, "out of memory");
    free(name);
    if (ok)
        fputs("step,timestep,sigma,alpha,deviation\n", r->trace.stream);
    return ok;
}

static bool save_latent(Run *r, lrt_error *e)
{
    if (!r->s.set.save_latent)
        return true;
    const int64_t shape[4] = {1, r->s.engine.latent_h, r->s.engine.latent_w, 4};
    const lrt_tensor_out t = {"latent_out", "F32", 4, shape, r->s.x};
    char *name = lrt_numbered_name(r->s.set.save_latent, r->number, r->s.set.batch_count, "");
    bool ok = name ? lrt_tensors_write(name, &t, 1, e) : lrt_fail(e, "out of memory");
    free(name);
    return ok;
}

static bool draw_one(Run *r, lrt_error *e)
{
    char what[32] = "drawing";
    int64_t seed = r->s.set.seed + r->number - 1;
    if (r->s.set.batch_count > 1)
        snprintf(what, sizeof what, "picture %lld", (long long)r->number);
    if (!lrt_session_start(&r->s, seed, e) || !open_trace(r, e))
        return false;
    lrt_progress_begin(&r->progress, what, r->s.sampling.steps);
    bool ok = lrt_session_denoise(&r->s, on_step, r, e);
    lrt_progress_end(&r->progress);
    if (!ok) {
        lrt_output_abandon(&r->trace);
        return false;
    }
    return (!r->trace.stream || lrt_output_commit(&r->trace, e)) && save_latent(r, e) &&
           lrt_engine_decode(&r->s.engine, r->s.x, e) && write_picture(r, "", seed, e);
}

static bool try_output(const char *name, lrt_error *e)
{
    lrt_output o;
    if (!lrt_output_open(&o, name, e))
        return false;
    lrt_output_abandon(&o);
    return true;
}

/* An output that cannot be written is found out before the work, not after it. */
static bool try_outputs(const Run *r, lrt_error *e)
{
    const char *patterns[] = {r->s.set.output, r->s.set.trace, r->s.set.save_latent};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char *name = patterns[i] ? lrt_numbered_name(patterns[i], 1, r->s.set.batch_count, "") : NULL;
        bool ok = !patterns[i] || (name ? try_output(name, e) : lrt_fail(e, "out of memory"));
        free(name);
        if (!ok)
            return false;
    }
    return !r->s.set.profile || try_output(r->s.set.profile, e);
}

static bool draw_all(Run *r, lrt_error *e)
{
    bool ok = lrt_session_ids(&r->s, e);
    for (const char *line = ok ? r->s.notice : NULL; line && *line; line += strcspn(line, "\n") + 1)
        fprintf(stderr, "%s: %.*s\n", r->program, (int)strcspn(line, "\n"), line);
    ok = ok && try_outputs(r, e) && lrt_session_prepare(&r->s, e);
    for (r->number = 1; ok && r->number <= r->s.set.batch_count; r->number++)
        ok = draw_one(r, e);
    if (ok && r->s.profile) {
        lrt_profile_print(r->s.profile, stderr);
        ok = lrt_profile_write(r->s.profile, r->s.set.profile, r->program, e);
    }
    return ok;
}

static int open_program(Run *r)
{
    lrt_error e;
    bool runs = !r->s.set.info && !r->s.set.print_tokens;
    unsigned sections = r->s.set.info ? 0 : LRT_MAP_VOCAB | (runs ? LRT_MAP_WEIGHTS : 0);
    if (r->s.pipeline->program->version != LRT_PLAN_VERSION)
        return complain(r, LRT_EXIT_BUG, "code and runtime are of different versions");
    return lrt_session_open(&r->s, "/proc/self/exe", sections, &e) ? LRT_EXIT_OK : complain(r, LRT_EXIT_USER, e.text);
}

int lrt_generator_main(int argc, char **argv, const lrt_pipeline *p)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    double start = lrt_now();
    Run r = {.s.pipeline = p, .program = slash ? slash + 1 : argc > 0 ? argv[0] : p->name};
    lrt_error e;
    if (!lrt_settings_parse(&r.s.set, p, argc, argv, &e))
        return complain(&r, LRT_EXIT_USAGE, e.text);
    if (r.s.set.help) {
        lrt_settings_help(p, r.program);
        return fflush(stdout) ? complain(&r, LRT_EXIT_USER, "standard output cannot be written") : LRT_EXIT_OK;
    }
    if (r.s.set.version) {
        printf("%s, latentc %s\n", p->name, LRT_VERSION);
        return LRT_EXIT_OK;
    }
    int code = open_program(&r);
    if (code == LRT_EXIT_OK && r.s.set.info) {
        code = print_info(&r);
    } else if (code == LRT_EXIT_OK && r.s.set.print_tokens) {
        code = print_tokens(&r);
    } else if (code == LRT_EXIT_OK) {
        if (lrt_session_seed(&r.s))
            fprintf(stderr, "%s: seed %lld\n", r.program, (long long)r.s.set.seed);
        lrt_output_guard();
        r.s.profile = r.s.set.profile ? lrt_profile_new(start, (int)r.s.set.threads) : NULL;
        if (!draw_all(&r, &e))
            code = complain(&r, LRT_EXIT_USER, e.text);
    }
    lrt_profile_free(r.s.profile);
    lrt_session_close(&r.s);
    return code;
}
