/* See draw.h. */
#include "draw.h"

#include <stdlib.h>
#include <string.h>

#include "job_files.h"
#include "tensors.h"
#include "utf8.h"

uint64_t lrt_draw_seed(const lrt_run *r, int64_t i) { return r->job->set.seed.value + (uint64_t)i; }

/* "wrote output.png", for a finished picture. */
static void announce(const lrt_run *r, const char *name)
{
    if (r->silent)
        return;
    name = strcmp(name, LRT_STANDARD_OUTPUT) ? name : "standard output";
    fputs("wrote ", stderr);
    lrt_put_plain(stderr, name, strlen(name));
    fputc('\n', stderr);
}

bool lrt_draw_record(const lrt_run *r, const char *name, const lrt_picture_record *about,
                     char **text, lrt_error *e)
{
    lrt_pipeline sized = *r->s.pipeline;
    lrt_picture_format format;
    *text = NULL;
    if (about->settings->no_metadata)
        return true;
    if (!lrt_picture_format_of(name, &format, e))
        return false;
    sized.width = about->settings->size.width;
    sized.height = about->settings->size.height;
    *text = lrt_metadata_text(&sized, about);
    if (!*text)
        return lrt_fail(e, "out of memory");
    if (!lrt_picture_holds(format, *text)) {
        free(*text);
        *text = NULL;
    }
    return true;
}

/* The record of the current picture. */
static bool record(const lrt_run *r, const char *name, char **text, lrt_error *e)
{
    const lrt_picture_record about = {.settings = &r->s.set,
                                      .seed = lrt_draw_seed(r, r->number),
                                      .init_image = r->s.engine.loop.init_image,
                                      .latent_in = r->s.set.latent_in ? r->latent_in : NULL,
                                      .latent_n = r->s.engine.loop.n};
    if (!lrt_draw_record(r, name, &about, text, e))
        return false;
    if (!*text && !r->s.set.no_metadata)
        lrt_run_say(r, "%s: its settings are not recorded: they are longer than a JPEG can hold",
                    name);
    return true;
}

bool lrt_draw_more(const lrt_run *r)
{
    lrt_unit next = r->unit;
    return r->crew || lrt_unit_next(&r->jobs, &r->part, &next);
}

bool lrt_draw_settle(lrt_run *r, lrt_error *e)
{
    if (!r->writer.busy)
        return true;
    bool ok = lrt_picture_writer_end(&r->writer, &r->written.why);
    lrt_profile_beside(r->s.profile, LRT_PROFILE_PICTURE, r->writer.begin, r->writer.end);
    if (ok)
        announce(r, r->writer.name);
    r->written.outcome = ok ? LRT_DRAWN : LRT_FAILED;
    lrt_run_count(r, &r->written);
    bool goes_on = ok || r->s.set.prompts || r->crew;
    r->stopped |= !goes_on;
    return goes_on || lrt_fail(e, "%s", r->written.why.text);
}

/* Finished pictures but the last are written while the next one is drawn. tag: ".preview", or ""
 * for the finished picture. */
static bool write_picture(lrt_run *r, const char *tag, lrt_error *e)
{
    char *name = lrt_picture_name(r->job, r->number, r->jobs.pictures, tag), *text = NULL;
    bool ok = name ? record(r, name, &text, e) : lrt_fail(e, "out of memory");
    const lrt_picture_out picture = {r->s.engine.rgb,       r->s.pipeline->width,
                                     r->s.pipeline->height, text,
                                     (int)r->s.set.quality, (int)r->s.set.png_level};
    lrt_result result = lrt_run_result(r);
    if (ok && !*tag && lrt_draw_more(r) && lrt_picture_writer_begin(&r->writer, name, &picture)) {
        r->written = result;
    } else if (ok) {
        lrt_profile_begin(r->s.profile, LRT_PROFILE_PICTURE, 0, NULL, 0);
        ok = lrt_picture_write(name, &picture, e);
        lrt_profile_end(r->s.profile);
        if (ok && !*tag) {
            announce(r, name);
            lrt_run_count(r, &result);
        }
    }
    free(name);
    free(text);
    return ok;
}

/* The hash of the weights is checked at the first step, so that the program starts without waiting
 * for it, and before anything is written. Other pictures would not be better: the run stops. */
static bool check_weights(lrt_run *r, lrt_error *e)
{
    lrt_profile_begin(r->s.container.unchecked ? r->s.profile : NULL, "check of the weights", 0,
                      NULL, 0);
    bool sound = lrt_container_check(&r->s.container, e);
    lrt_profile_end(r->s.profile);
    r->stopped |= !sound;
    return sound;
}

/* After the model's estimate at the first call of a step: trace and preview. */
static bool on_step(void *context, const lrt_sampling *s, int k, const float *x0, lrt_error *e)
{
    lrt_run *r = context;
    int step = s->point[k].step + 1;
    if (!check_weights(r, e) || !lrt_draw_settle(r, e))
        return false;
    if (r->trace.stream)
        fprintf(r->trace.stream, "%d,%.9g,%.9g,%.9g,%.9g,%d\n", step, s->point[k].t,
                s->point[k].sigma, lrt_sampling_alpha(s, k), lrt_sampling_deviation(s, k),
                !r->s.engine.loop.shorter);
    if (!r->silent)
        lrt_progress_step(&r->progress, step - s->first);
    if (!r->s.set.preview_every || step % r->s.set.preview_every || step == s->steps)
        return true;
    return lrt_engine_preview(&r->s.engine, x0, e) && write_picture(r, ".preview", e);
}

static bool on_half_step(void *context, const lrt_sampling *s, int k, const float *x0, lrt_error *e)
{
    (void)s, (void)k, (void)x0;
    return check_weights(context, e);
}

bool lrt_draw_half(lrt_run *r, lrt_error *e)
{
    return r->s.engine.loop.single || /* nothing is guided: the first rank draws it alone */
           (lrt_session_start(&r->s, lrt_draw_seed(r, r->number), e) &&
            lrt_session_denoise(&r->s, on_half_step, r, e));
}

static bool open_trace(lrt_run *r, lrt_error *e)
{
    if (!r->s.set.trace)
        return true;
    char *name = lrt_side_name(r->job, r->s.set.trace, r->number, r->jobs.pictures);
    bool ok = name ? lrt_output_open(&r->trace, name, e) : lrt_fail(e, "out of memory");
    free(name);
    if (ok)
        fputs("step,timestep,sigma,alpha,deviation,full\n", r->trace.stream);
    return ok;
}

static bool save_latent(lrt_run *r, lrt_error *e)
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
static bool store_latent(lrt_run *r, lrt_error *e)
{
    size_t bytes = (size_t)r->s.engine.loop.n * sizeof *r->latent_in;
    if (!r->s.set.latent_in || r->s.set.no_metadata)
        return true;
    if (!r->latent_in && !(r->latent_in = malloc(bytes)))
        return lrt_fail(e, "out of memory");
    memcpy(r->latent_in, r->s.engine.loop.init_image ? r->s.init_image.noise : r->s.x, bytes);
    return true;
}

bool lrt_draw_picture(lrt_run *r, lrt_error *e)
{
    char what[32] = "drawing";
    if (r->jobs.pictures > 1)
        snprintf(what, sizeof what, "picture %lld", (long long)(r->job->first + r->number));
    if (!lrt_session_start(&r->s, lrt_draw_seed(r, r->number), e) || !store_latent(r, e) ||
        !open_trace(r, e))
        return false;
    lrt_progress_begin(&r->progress, what, r->s.left);
    bool ok = lrt_session_denoise(&r->s, on_step, r, e);
    if (!r->silent)
        lrt_progress_end(&r->progress);
    /* a run without a step has not checked the weights yet, and no earlier picture */
    ok = ok && check_weights(r, e) && lrt_draw_settle(r, e);
    if (!ok) {
        lrt_output_abandon(&r->trace);
        return false;
    }
    return (!r->trace.stream || lrt_output_commit(&r->trace, e)) && save_latent(r, e) &&
           lrt_engine_decode(&r->s.engine, r->s.x, e) && write_picture(r, "", e);
}
