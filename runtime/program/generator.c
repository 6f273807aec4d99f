/* See generator.h. */
#include "generator.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "container.h"
#include "crash.h"
#include "generator_print.h"
#include "host.h"
#include "job_files.h"
#include "metadata.h"
#include "output.h"
#include "picture_writer.h"
#include "progress.h"
#include "prompts.h"
#include "session.h"
#include "streams.h"
#include "tensors.h"
#include "utf8.h"

/* One run of the program. */
typedef struct {
    const char *program; /* for messages: the last part of argv[0] */
    lrt_session s;
    lrt_error unusable;    /* --info: why the file of weights is not usable; "": it is */
    lrt_recorded recorded; /* by --from-png */
    lrt_jobs jobs;         /* of --prompts, or the one that the command line describes */
    /* the current picture */
    const lrt_job *job;
    int64_t number;               /* within the job, from 0 */
    char name[sizeof(lrt_error)]; /* for messages: FILE:LINE of --prompts, or "" */
    lrt_progress progress;
    lrt_output trace;
    lrt_picture_writer writer;           /* of the picture before the current one */
    char writer_name[sizeof(lrt_error)]; /* its `name` */
    float *latent_in; /* the tensor of --latent-in, for the record; NULL without */
} Run;

/* "PROGRAM: ..." on standard error: one line, whatever bytes of files it quotes (utf8.h). */
static void say(const Run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const Run *r, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text)
        lrt_utf8_trim(text);
    va_end(ap);
    lrt_put_plain(stderr, r->program, strlen(r->program));
    fputs(": ", stderr);
    lrt_put_plain(stderr, text, strlen(text));
    fputc('\n', stderr);
}

/* Says what is wrong; returns the exit code, for `return complain(...)`. */
static int complain(const Run *r, int code, const char *message)
{
    say(r, "error: %s", message);
    return code;
}

/* Prints notices, a line each. */
static void print_notice(const Run *r, const char *notice)
{
    for (const char *line = notice; line && *line; line += strcspn(line, "\n"), line += *line != 0)
        say(r, "%s%.*s", r->name, (int)strcspn(line, "\n"), line);
}

/* What was printed is on standard output, or cannot be there. */
static int printed(const Run *r)
{
    return lrt_streams_end() ? LRT_EXIT_OK
                             : complain(r, LRT_EXIT_USER, "standard output cannot be written");
}

static int print_tokens(const Run *r)
{
    lrt_error e;
    return lrt_print_tokens(&r->s, &e) ? printed(r) : complain(r, LRT_EXIT_USER, e.text);
}

static int print_info(const Run *r)
{
    lrt_print_info(&r->s, *r->unusable.text ? r->unusable.text : NULL);
    return printed(r);
}

/* The seed of picture i of the job. */
static uint64_t seed_of(const Run *r, int64_t i) { return r->s.set.seed.value + (uint64_t)i; }

/* "wrote output.png", for a finished picture. */
static void announce(const Run *r, const char *name)
{
    if (r->s.set.quiet)
        return;
    name = strcmp(name, LRT_STANDARD_OUTPUT) ? name : "standard output";
    fputs("wrote ", stderr);
    lrt_put_plain(stderr, name, strlen(name));
    fputc('\n', stderr);
}

/* The record of the current picture, malloc'd; NULL when it has none. */
static bool record(const Run *r, const char *name, uint64_t seed, char **text, lrt_error *e)
{
    const lrt_picture_record about = {.settings = &r->s.set,
                                      .seed = seed,
                                      .init_image = r->s.engine.loop.init_image,
                                      .latent_in = r->s.set.latent_in ? r->latent_in : NULL,
                                      .latent_n = r->s.engine.loop.n};
    lrt_picture_format format;
    *text = NULL;
    if (r->s.set.no_metadata)
        return true;
    if (!lrt_picture_format_of(name, &format, e))
        return false;
    *text = lrt_metadata_text(r->s.pipeline, &about);
    if (*text && !lrt_picture_holds(format, *text))
        say(r, "%s: its settings are not recorded: they are longer than a JPEG can hold", name);
    return *text || lrt_fail(e, "out of memory");
}

/* Waits for the picture before the current one, and announces it. */
static bool settle(Run *r, lrt_error *e)
{
    if (!r->writer.busy)
        return true;
    bool ok = lrt_picture_writer_end(&r->writer, e);
    lrt_profile_beside(r->s.profile, LRT_PROFILE_PICTURE, r->writer.begin, r->writer.end);
    if (ok)
        announce(r, r->writer.name);
    else /* the message names its line of --prompts */
        snprintf(r->name, sizeof r->name, "%s", r->writer_name);
    return ok;
}

static bool is_last(const Run *r)
{
    return r->job == &r->jobs.jobs[r->jobs.n - 1] && r->number + 1 == r->job->set.batch_count;
}

/* Finished pictures but the last are written while the next one is drawn. tag: ".preview", or ""
 * for the finished picture. */
static bool write_picture(Run *r, const char *tag, uint64_t seed, lrt_error *e)
{
    char *name = lrt_picture_name(r->job, r->number, r->jobs.pictures, tag), *text = NULL;
    bool ok = name ? record(r, name, seed, &text, e) : lrt_fail(e, "out of memory");
    const lrt_picture_out picture = {r->s.engine.rgb,       r->s.pipeline->width,
                                     r->s.pipeline->height, text,
                                     (int)r->s.set.quality, (int)r->s.set.png_level};
    if (ok && !*tag && !is_last(r) && lrt_picture_writer_begin(&r->writer, name, &picture)) {
        snprintf(r->writer_name, sizeof r->writer_name, "%s", r->name);
    } else if (ok) {
        lrt_profile_begin(r->s.profile, LRT_PROFILE_PICTURE, 0, NULL, 0);
        ok = lrt_picture_write(name, &picture, e);
        lrt_profile_end(r->s.profile);
        if (ok && !*tag)
            announce(r, name);
    }
    free(name);
    free(text);
    return ok;
}

/* After the model's estimate at the first call of a step: trace and preview. The hash of the
 * weights is checked at the first step, so that the program starts without waiting for it, and
 * before anything is written. */
static bool on_step(void *context, const lrt_sampling *s, int k, const float *x0, lrt_error *e)
{
    Run *r = context;
    int step = s->point[k].step + 1;
    lrt_profile_begin(r->s.container.unchecked ? r->s.profile : NULL, "check of the weights", 0,
                      NULL, 0);
    bool sound = lrt_container_check(&r->s.container, e);
    lrt_profile_end(r->s.profile);
    if (!sound || !settle(r, e))
        return false;
    if (r->trace.stream)
        fprintf(r->trace.stream, "%d,%.9g,%.9g,%.9g,%.9g\n", step, s->point[k].t, s->point[k].sigma,
                lrt_sampling_alpha(s, k), lrt_sampling_deviation(s, k));
    if (!r->s.set.quiet)
        lrt_progress_step(&r->progress, step - s->first);
    if (!r->s.set.preview_every || step % r->s.set.preview_every || step == s->steps)
        return true;
    return lrt_engine_preview(&r->s.engine, x0, e) &&
           write_picture(r, ".preview", seed_of(r, r->number), e);
}

static bool open_trace(Run *r, lrt_error *e)
{
    if (!r->s.set.trace)
        return true;
    char *name = lrt_side_name(r->job, r->s.set.trace, r->number, r->jobs.pictures);
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
    const lrt_tensor_spec t = {"latent_out", "F32", 4, shape, r->s.x};
    char *name = lrt_side_name(r->job, r->s.set.save_latent, r->number, r->jobs.pictures);
    bool ok = name ? lrt_tensors_write(name, &t, 1, e) : lrt_fail(e, "out of memory");
    free(name);
    return ok;
}

/* Copies the tensor of --latent-in, for the record: the loop overwrites it. */
static bool store_latent(Run *r, lrt_error *e)
{
    size_t bytes = (size_t)r->s.engine.loop.n * sizeof *r->latent_in;
    if (!r->s.set.latent_in || r->s.set.no_metadata)
        return true;
    if (!r->latent_in && !(r->latent_in = malloc(bytes)))
        return lrt_fail(e, "out of memory");
    memcpy(r->latent_in, r->s.engine.loop.init_image ? r->s.init_image.noise : r->s.x, bytes);
    return true;
}

static bool draw_one(Run *r, lrt_error *e)
{
    char what[32] = "drawing";
    uint64_t seed = seed_of(r, r->number);
    if (r->jobs.pictures > 1)
        snprintf(what, sizeof what, "picture %lld", (long long)(r->job->first + r->number));
    if (!lrt_session_start(&r->s, seed, e) || !store_latent(r, e) || !open_trace(r, e))
        return false;
    lrt_progress_begin(&r->progress, what, r->s.left);
    bool ok = lrt_session_denoise(&r->s, on_step, r, e);
    if (!r->s.set.quiet)
        lrt_progress_end(&r->progress);
    if (!ok) {
        lrt_output_abandon(&r->trace);
        return false;
    }
    /* a run without a step has not checked the weights yet, and no earlier picture */
    return lrt_container_check(&r->s.container, e) && settle(r, e) &&
           (!r->trace.stream || lrt_output_commit(&r->trace, e)) && save_latent(r, e) &&
           lrt_engine_decode(&r->s.engine, r->s.x, e) && write_picture(r, "", seed, e);
}

static bool try_side_output(const Run *r, const char *pattern, lrt_error *e)
{
    char *name = pattern ? lrt_side_name(r->job, pattern, r->number, r->jobs.pictures) : NULL;
    bool ok = !pattern || (name ? lrt_output_try(name, e) : lrt_fail(e, "out of memory"));
    free(name);
    return ok;
}

/* Opens all outputs once, to find those that cannot be written before the work. */
static bool try_outputs(const Run *r, lrt_error *e)
{
    char *name = lrt_picture_name(r->job, r->number, r->jobs.pictures, "");
    bool ok = name ? lrt_output_try(name, e) : lrt_fail(e, "out of memory");
    free(name);
    return ok && try_side_output(r, r->s.set.trace, e) &&
           try_side_output(r, r->s.set.save_latent, e) &&
           (!r->s.set.profile || lrt_output_try(r->s.set.profile, e));
}

/* --from-png: warns when a given file is not the one that the picture was drawn with. */
static void check_recorded(const Run *r)
{
    const lrt_init_image *k = &r->s.init_image;
    const char *other = r->recorded.from_picture && k->rgb &&
                                lrt_init_image_hash(k, false) != r->recorded.picture
                            ? r->s.set.init_img
                        : r->recorded.with_mask && k->mask &&
                                lrt_init_image_hash(k, true) != r->recorded.mask
                            ? r->s.set.mask
                            : NULL;
    if (other)
        say(r, "%s is not the file that %s was drawn with", other, r->s.set.from_png);
}

/* --prompts: whether picture i of the job exists from an earlier run. */
static bool exists(const Run *r, int64_t i)
{
    struct stat st;
    char *name = r->s.set.prompts ? lrt_picture_name(r->job, i, r->jobs.pictures, "") : NULL;
    bool there = name && strcmp(name, LRT_STANDARD_OUTPUT) && !stat(name, &st) &&
                 S_ISREG(st.st_mode);
    free(name);
    return there;
}

/* Draws the pictures of a job that do not exist. */
static bool draw_job(Run *r, lrt_error *e)
{
    int64_t n = r->job->set.batch_count;
    r->s.set = r->job->set;
    for (r->number = 0; r->number < n && exists(r, r->number);)
        r->number++;
    if (r->number == n)
        return true;
    /* the picture before may be the init image of this one */
    bool ok = ((!r->s.set.init_img && !r->s.set.mask) || settle(r, e)) &&
              lrt_session_read(&r->s, e);
    if (ok)
        check_recorded(r);
    print_notice(r, ok ? r->s.notice : NULL);
    ok = ok && try_outputs(r, e) && lrt_session_prepare(&r->s, e);
    for (; ok && r->number < n; r->number++)
        ok = exists(r, r->number) || draw_one(r, e);
    return ok;
}

/* Fills r->jobs: one per line of --prompts, or a single one. */
static bool plan_jobs(Run *r, lrt_error *e)
{
    if (r->s.set.prompts)
        return lrt_jobs_read(r->s.set.prompts, r->s.pipeline, &r->s.set, &r->jobs, e);
    if (lrt_seed_choose(&r->s.set.seed))
        say(r, "seed %llu", (unsigned long long)r->s.set.seed.value);
    r->jobs.jobs = malloc(sizeof *r->jobs.jobs);
    if (!r->jobs.jobs)
        return lrt_fail(e, "out of memory");
    r->jobs.jobs[r->jobs.n++] = (lrt_job){.set = r->s.set, .first = 1};
    r->jobs.pictures = r->s.set.batch_count;
    return true;
}

static void report_existing(Run *r)
{
    int64_t existing = 0;
    for (size_t k = 0; k < r->jobs.n; k++) {
        r->job = &r->jobs.jobs[k];
        for (int64_t i = 0; i < r->job->set.batch_count; i++)
            existing += exists(r, i);
    }
    if (existing && !r->s.set.quiet)
        say(r, "%lld of %lld pictures exist already: skipped", (long long)existing,
            (long long)r->jobs.pictures);
}

static bool draw_all(Run *r, lrt_error *e)
{
    lrt_error why;
    bool ok = plan_jobs(r, e) && lrt_jobs_claim(&r->jobs, r->s.weights_path, e);
    if (ok)
        report_existing(r);
    for (size_t k = 0; ok && k < r->jobs.n; k++) {
        r->job = &r->jobs.jobs[k];
        if (r->s.set.prompts)
            snprintf(r->name, sizeof r->name, "%.200s:%d: ", lrt_jobs_place(r->s.set.prompts),
                     r->job->line);
        ok = draw_job(r, &why) || lrt_fail(e, "%s%s", r->name, why.text);
    }
    bool settled = settle(r, &why);
    if (!settled && !ok) /* something else went wrong while it was written */
        say(r, "error: %s%s", r->name, why.text);
    ok = ok && (settled || lrt_fail(e, "%s%s", r->name, why.text));
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
    const lrt_container_file own = {lrt_host_program(), "the program file", NULL, 0, false};
    lrt_profile_begin(r->s.profile, "check of the code", 0, NULL, 0);
    bool sound = lrt_container_check_code(&own, &e); /* before there are threads */
    lrt_profile_end(r->s.profile);
    if (!sound)
        return complain(r, LRT_EXIT_USER, e.text);
    r->s.code_checked = true;
    bool open = lrt_session_open(&r->s, lrt_host_program(), r->s.set.weights_file, sections, &e);
    if (!open && !(r->s.set.info && r->s.weights_path))
        return complain(r, LRT_EXIT_USER, e.text);
    if (!open)
        r->unusable = e;
    print_notice(r, r->s.fewer_threads.text);
    return LRT_EXIT_OK;
}

static int print_help(const Run *r)
{
    lrt_settings_help(r->s.pipeline, r->program);
    return printed(r);
}

/* Runs what the settings say. start: lrt_now() when the process began. */
static int run(Run *r, double start)
{
    lrt_error e;
    const lrt_settings *set = &r->s.set;
    if (set->help)
        return print_help(r);
    if (set->version) {
        printf("%s, latentc %s\n", r->s.pipeline->name, LRT_VERSION);
        return printed(r);
    }
    r->s.profile = set->profile ? lrt_profile_new(start) : NULL;
    lrt_profile_started(r->s.profile, "start");
    int code = open_program(r);
    if (code != LRT_EXIT_OK)
        return code;
    if (set->info)
        return print_info(r);
    if (set->print_tokens)
        return print_tokens(r);
    return draw_all(r, &e) ? LRT_EXIT_OK : complain(r, LRT_EXIT_USER, e.text);
}

int lrt_generator_main(int argc, char **argv, const lrt_pipeline *p)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    double start = lrt_process_start();
    Run r = {.s = {.pipeline = p, .elsewhere = "--weights-file FILE"},
             .program = slash      ? slash + 1
                        : argc > 0 ? argv[0]
                                   : p->name};
    lrt_settings *set = &r.s.set;
    lrt_error e;
    lrt_streams_begin();
    lrt_output_guard();
    lrt_crash_guard(r.program, lrt_output_remove_all);
    if (!lrt_settings_parse(set, p, argc, argv, &e))
        return complain(&r, LRT_EXIT_USAGE, e.text);
    if (set->from_png && !set->help && !set->version && !set->info &&
        !lrt_settings_recall(set, p, argc, argv, &r.recorded, &e))
        return complain(&r, LRT_EXIT_USER, e.text);
    print_notice(&r, r.recorded.notice);
    int code = run(&r, start);
    lrt_profile_free(r.s.profile);
    lrt_recorded_free(&r.recorded);
    lrt_jobs_free(&r.jobs);
    free(r.latent_in);
    lrt_picture_writer_free(&r.writer);
    lrt_session_close(&r.s);
    return code;
}
