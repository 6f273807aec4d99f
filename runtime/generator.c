/* The program around the stages: command line, prompt, pictures. See generator.h. */
#include "generator.h"

#include <errno.h>
#include <omp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "output.h"
#include "picture.h"
#include "progress.h"
#include "tensors.h"

/* One run of the program. */
typedef struct {
    const lrt_pipeline *pipeline;
    const char *program; /* for messages: the last part of argv[0] */
    lrt_settings set;
    lrt_container container;
    lrt_vocab vocab;
    lrt_profile *profile; /* NULL without --profile */
    lrt_engine engine;
    lrt_schedule schedule;
    lrt_sampling sampling;
    float *x; /* the latent, (h, w, 4) */
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

/* The ids of a prompt, (max_text_length): cut, or padded. What is cut is said. */
static bool fill_ids(const Run *r, const char *what, const char *prompt, int32_t *ids, lrt_error *e)
{
    lrt_tokens t = {0};
    lrt_error why;
    if (!lrt_tokenize(&r->vocab, prompt, &t, &why)) {
        free(t.ids);
        return lrt_fail(e, "%s: %s", what, why.text);
    }
    size_t length = (size_t)r->pipeline->max_text_length;
    int32_t end = (int32_t)r->vocab.header->end, pad = r->pipeline->pad_token < 0 ? end : r->pipeline->pad_token;
    if (t.n > length) {
        fprintf(stderr, "%s: the %s has %zu tokens, %zu more than fit; cut: ", r->program, what, t.n, t.n - length);
        for (size_t i = length - 1; i + 1 < t.n; i++) {
            size_t n;
            const char *text = lrt_token_text(&r->vocab, t.ids[i], &n);
            fwrite(text, 1, n, stderr);
        }
        fputc('\n', stderr);
        t.ids[length - 1] = end;
        t.n = length;
    }
    for (size_t i = 0; i < length; i++)
        ids[i] = i < t.n ? t.ids[i] : pad;
    free(t.ids);
    return true;
}

static int print_tokens(const Run *r)
{
    lrt_tokens t = {0};
    lrt_error e;
    bool ok = lrt_tokenize(&r->vocab, r->set.prompt, &t, &e);
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
    const lrt_pipeline *p = r->pipeline;
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
           (unsigned long long)r->container.footer.sections[LRT_SECTION_WEIGHTS].hash, LRT_VERSION);
    return fflush(stdout) ? complain(r, LRT_EXIT_USER, "standard output cannot be written") : LRT_EXIT_OK;
}

/* Noise is drawn in the order of (4, h, w), as PyTorch's programs draw it. */
static bool first_latent(Run *r, uint64_t seed, lrt_error *e)
{
    int64_t n = r->engine.latent_n, pixels = n / 4;
    if (r->set.latent_in) {
        const int64_t shape[4] = {1, r->engine.latent_h, r->engine.latent_w, 4};
        lrt_tensor_file f;
        if (!lrt_tensors_read(r->set.latent_in, &f, e))
            return false;
        const lrt_tensor *t = lrt_tensors_find(&f, r->set.latent_in, "latent_in", "F32", 4, shape, e);
        if (t)
            memcpy(r->x, t->data, t->bytes);
        lrt_tensors_free(&f);
        for (int64_t i = 0; t && i < n; i++)
            if (r->x[i] - r->x[i] != 0)
                return lrt_fail(e, "%s: tensor 'latent_in' has values that are infinite or not numbers",
                                r->set.latent_in);
        return t;
    }
    float *noise = malloc((size_t)n * sizeof *noise);
    if (!noise)
        return lrt_fail(e, "out of memory");
    r->set.rng->normal(seed, 0, noise, n);
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < 4; c++)
            r->x[i * 4 + c] = noise[c * pixels + i];
    free(noise);
    return true;
}

/* The text that web interfaces show and read back. malloc'd. */
static char *parameters_text(const Run *r, int64_t seed)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    fprintf(f, "%s\n", r->set.prompt);
    if (*r->set.negative)
        fprintf(f, "Negative prompt: %s\n", r->set.negative);
    fprintf(f, "Steps: %lld, Sampler: %s, CFG scale: %g, Seed: %lld, Size: %dx%d, Model: %s, RNG: %s",
            (long long)r->set.steps, r->set.sampler->name, r->set.cfg_scale, (long long)seed, r->pipeline->width,
            r->pipeline->height, r->pipeline->name, r->set.rng->name);
    if (r->set.alpha == r->set.alpha)
        fprintf(f, ", Alpha: %g", r->set.alpha);
    fprintf(f, ", Version: latentc %s", LRT_VERSION);
    return fclose(f) ? NULL : text;
}

static bool write_picture(Run *r, const char *tag, int64_t seed, lrt_error *e)
{
    char *name = lrt_numbered_name(r->set.output, r->number, r->set.batch_count, tag),
         *text = parameters_text(r, seed);
    lrt_profile_begin(r->profile, "picture file", 0, NULL, 0);
    bool ok = name && text ? lrt_png_write(name, r->engine.rgb, r->pipeline->width, r->pipeline->height, text, e)
                           : lrt_fail(e, "out of memory");
    lrt_profile_end(r->profile);
    free(name);
    free(text);
    return ok;
}

/* After the model's estimate at step k: trace and preview. The first time, the weights are checked: not before, so that
 * the first step need not wait for it, and before anything is written. */
static bool on_step(void *context, const lrt_sampling *s, int k, const float *x, const float *x0, lrt_error *e)
{
    Run *r = context;
    int64_t n = r->engine.latent_n;
    lrt_profile_begin(r->container.unchecked ? r->profile : NULL, "check of the weights", 0, NULL, 0);
    bool sound = lrt_container_check(&r->container, e);
    lrt_profile_end(r->profile);
    if (!sound)
        return false;
    if (r->trace.stream)
        fprintf(r->trace.stream, "%d,%.9g,%.9g,%.9g,%.9g\n", k + 1, s->point[k].t, s->point[k].sigma,
                lrt_sampling_alpha(s, k), lrt_sampling_deviation(s, k, n, x, x0));
    lrt_progress_step(&r->progress, k + 1);
    if (!r->set.preview_every || (k + 1) % r->set.preview_every || k + 1 == s->steps)
        return true;
    return lrt_engine_decode(&r->engine, x0, e) && write_picture(r, ".preview", r->set.seed + r->number - 1, e);
}

static bool open_trace(Run *r, lrt_error *e)
{
    if (!r->set.trace)
        return true;
    char *name = lrt_numbered_name(r->set.trace, r->number, r->set.batch_count, "");
    bool ok = name ? lrt_output_open(&r->trace, name, e) : lrt_fail(e, "out of memory");
    free(name);
    if (ok)
        fputs("step,timestep,sigma,alpha,deviation\n", r->trace.stream);
    return ok;
}

static bool save_latent(Run *r, lrt_error *e)
{
    if (!r->set.save_latent)
        return true;
    const int64_t shape[4] = {1, r->engine.latent_h, r->engine.latent_w, 4};
    const lrt_tensor_out t = {"latent_out", "F32", 4, shape, r->x};
    char *name = lrt_numbered_name(r->set.save_latent, r->number, r->set.batch_count, "");
    bool ok = name ? lrt_tensors_write(name, &t, 1, e) : lrt_fail(e, "out of memory");
    free(name);
    return ok;
}

static bool draw_one(Run *r, lrt_error *e)
{
    char what[32] = "drawing";
    int64_t seed = r->set.seed + r->number - 1;
    if (r->set.batch_count > 1)
        snprintf(what, sizeof what, "picture %lld", (long long)r->number);
    if (!first_latent(r, (uint64_t)seed, e) || !open_trace(r, e))
        return false;
    lrt_progress_begin(&r->progress, what, r->sampling.steps);
    bool ok = lrt_engine_denoise(&r->engine, &r->sampling, r->set.cfg_scale, r->x, on_step, r, e);
    lrt_progress_end(&r->progress);
    if (!ok) {
        lrt_output_abandon(&r->trace);
        return false;
    }
    return (!r->trace.stream || lrt_output_commit(&r->trace, e)) && save_latent(r, e) &&
           lrt_engine_decode(&r->engine, r->x, e) && write_picture(r, "", seed, e);
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
    const char *patterns[] = {r->set.output, r->set.trace, r->set.save_latent};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char *name = patterns[i] ? lrt_numbered_name(patterns[i], 1, r->set.batch_count, "") : NULL;
        bool ok = !patterns[i] || (name ? try_output(name, e) : lrt_fail(e, "out of memory"));
        free(name);
        if (!ok)
            return false;
    }
    return !r->set.profile || try_output(r->set.profile, e);
}

static bool draw_all(Run *r, lrt_error *e)
{
    const lrt_pipeline *p = r->pipeline;
    size_t length = (size_t)p->max_text_length;
    int32_t *ids = malloc(2 * length * sizeof *ids);
    if (!ids)
        return lrt_fail(e, "out of memory");
    bool ok = fill_ids(r, "negative prompt", r->set.negative, ids, e) &&
              fill_ids(r, "prompt", r->set.prompt, ids + length, e) && try_outputs(r, e) &&
              lrt_engine_init(&r->engine, p, r->container.section[LRT_SECTION_WEIGHTS], (int)r->set.threads, e);
    if (ok)
        ok = (r->x = calloc((size_t)r->engine.latent_n, sizeof *r->x)) || lrt_fail(e, "out of memory");
    if (ok)
        ok = lrt_schedule_init(&r->schedule, p->train_steps, p->beta_start, p->beta_end, p->beta_scaled_linear) ||
             lrt_fail(e, "out of memory");
    r->sampling = (lrt_sampling){.sampler = r->set.sampler,
                                 .schedule = &r->schedule,
                                 .steps = (int)r->set.steps,
                                 .alpha = r->set.alpha,
                                 .final_alpha = p->final_alpha};
    r->engine.profile = r->profile;
    ok = ok && lrt_sampling_plan(&r->sampling, e);
    lrt_profile_started(r->profile, "start");
    ok = ok && lrt_engine_encode(&r->engine, ids, r->set.cfg_scale, e);
    for (r->number = 1; ok && r->number <= r->set.batch_count; r->number++)
        ok = draw_one(r, e);
    free(ids);
    free(r->x);
    lrt_sampling_free(&r->sampling);
    lrt_schedule_free(&r->schedule);
    lrt_engine_free(&r->engine);
    if (ok && r->profile) {
        lrt_profile_print(r->profile, stderr);
        ok = lrt_profile_write(r->profile, r->set.profile, r->program, e);
    }
    return ok;
}

static void choose_seed(Run *r)
{
    if (r->set.seed >= 0)
        return;
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)(lrt_now() * 1e6);
    r->set.seed = seed & 0x7fffffff;
    fprintf(stderr, "%s: seed %lld\n", r->program, (long long)r->set.seed);
}

/* The code and what it needs: nothing that was compiled for the target runs before the CPU is known to have it. */
static int open_program(Run *r)
{
    const lrt_program *c = r->pipeline->program;
    lrt_error e;
    const char *missing = lrt_cpu_missing(c->cpu);
    if (c->version != LRT_PLAN_VERSION)
        return complain(r, LRT_EXIT_BUG, "code and runtime are of different versions");
    bool runs = !r->set.info && !r->set.print_tokens;
    if (!missing && runs)
        missing = lrt_cpu_enable(c->cpu);
    if (missing && runs)
        return complain(r, LRT_EXIT_USER, missing);
    if (!r->set.threads)
        r->set.threads = lrt_default_threads();
    omp_set_num_threads((int)r->set.threads);
    unsigned sections = r->set.info ? 0 : r->set.print_tokens ? LRT_MAP_VOCAB : LRT_MAP_VOCAB | LRT_MAP_WEIGHTS;
    if (!lrt_container_open("/proc/self/exe", c->layout_hash, sections, LRT_MAP_WEIGHTS, &r->container, &e))
        return complain(r, LRT_EXIT_USER, e.text);
    if (r->set.info)
        return LRT_EXIT_OK;
    const void *vocab = r->container.section[LRT_SECTION_VOCAB];
    if (!lrt_vocab_open(vocab, r->container.footer.sections[LRT_SECTION_VOCAB].bytes, &r->vocab, &e))
        return complain(r, LRT_EXIT_USER, e.text);
    return LRT_EXIT_OK;
}

int lrt_generator_main(int argc, char **argv, const lrt_pipeline *p)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    double start = lrt_now();
    Run r = {.pipeline = p, .program = slash ? slash + 1 : argc > 0 ? argv[0] : p->name};
    lrt_error e;
    if (!lrt_settings_parse(&r.set, p, argc, argv, &e))
        return complain(&r, LRT_EXIT_USAGE, e.text);
    if (r.set.help) {
        lrt_settings_help(p, r.program);
        return fflush(stdout) ? complain(&r, LRT_EXIT_USER, "standard output cannot be written") : LRT_EXIT_OK;
    }
    if (r.set.version) {
        printf("%s, latentc %s\n", p->name, LRT_VERSION);
        return LRT_EXIT_OK;
    }
    int code = open_program(&r);
    if (code == LRT_EXIT_OK && r.set.info) {
        code = print_info(&r);
    } else if (code == LRT_EXIT_OK && r.set.print_tokens) {
        code = print_tokens(&r);
    } else if (code == LRT_EXIT_OK) {
        choose_seed(&r);
        lrt_output_guard();
        r.profile = r.set.profile ? lrt_profile_new(start, (int)r.set.threads) : NULL;
        if (!draw_all(&r, &e))
            code = complain(&r, LRT_EXIT_USER, e.text);
    }
    lrt_profile_free(r.profile);
    lrt_container_close(&r.container);
    return code;
}
