/* See draw_all.h. */
#include "draw_all.h"

#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "existing.h"
#include "generator.h"
#include "job_files.h"
#include "tensors.h"

static bool try_side_output(const lrt_run *r, const char *pattern, lrt_error *e)
{
    char *name = pattern ? lrt_side_name(r->job, pattern, r->number, r->jobs.pictures) : NULL;
    bool ok = !pattern || (name ? lrt_output_try(name, e) : lrt_fail(e, "out of memory"));
    free(name);
    return ok;
}

/* Opens all outputs once, to find those that cannot be written before the work. */
static bool try_outputs(const lrt_run *r, lrt_error *e)
{
    char *name = lrt_picture_name(r->job, r->number, r->jobs.pictures, "");
    bool ok = name ? lrt_output_try(name, e) : lrt_fail(e, "out of memory");
    free(name);
    return ok && try_side_output(r, r->s.set.trace, e) &&
           try_side_output(r, r->s.set.save_latent, e) &&
           (!r->s.set.profile || lrt_output_try(r->s.set.profile, e));
}

/* --from-png: warns when a given file is not the one that the picture was drawn with. */
static void check_recorded(const lrt_run *r)
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
        lrt_run_say(r, "%s is not the file that %s was drawn with", other, r->s.set.from_png);
}

/* Reads what the line names, once. The picture before may be its init image. */
static bool read_line(lrt_run *r, lrt_error *e)
{
    if (r->state != LRT_LINE_NEW)
        return true;
    if (((r->s.set.init_img || r->s.set.mask) && !lrt_draw_settle(r, e)) ||
        !lrt_session_read(&r->s, e))
        return false;
    r->state = LRT_LINE_READ;
    return true;
}

/* Prepares the line for its first picture that is drawn. */
static bool prepare_line(lrt_run *r, lrt_error *e)
{
    if (r->state == LRT_LINE_READY)
        return true;
    if (!read_line(r, e))
        return false;
    check_recorded(r);
    lrt_run_notice(r, r->s.notice);
    bool writes = !r->pair || !lrt_pair_second(r->pair);
    if ((writes && !try_outputs(r, e)) || !lrt_session_prepare(&r->s, e))
        return false;
    r->state = LRT_LINE_READY;
    return true;
}

/* The record that the current picture would get: as in draw.c, but before its line is prepared. */
static bool record_before(lrt_run *r, const char *name, char **text, lrt_error *e)
{
    const lrt_settings *set = &r->s.set;
    lrt_picture_record about = {.settings = set, .seed = lrt_draw_seed(r, r->number)};
    lrt_tensor_file f = {0};
    if (set->init_img && !set->no_metadata && !read_line(r, e))
        return false;
    about.init_image = set->init_img ? &r->s.init_image : NULL;
    if (set->latent_in && !set->no_metadata && lrt_tensors_read(set->latent_in, &f, e))
        for (int i = 0; i < f.n; i++)
            if (!strcmp(f.tensors[i].name, "latent_in")) {
                about.latent_in = f.tensors[i].data;
                about.latent_n = (int64_t)(f.tensors[i].bytes / sizeof(float));
            }
    bool ok = lrt_draw_record(r, name, &about, text, e);
    lrt_tensors_free(&f);
    return ok;
}

/* --prompts: whether the current picture is there from an earlier run. One with the same name and
 * other settings is named, and drawn again. */
static bool exists(lrt_run *r)
{
    char *name = r->s.set.prompts ? lrt_picture_name(r->job, r->number, r->jobs.pictures, "")
                                  : NULL,
         *want = NULL;
    lrt_error why;
    lrt_existing found = LRT_PICTURE_ABSENT;
    if (name && lrt_picture_existing(name, NULL, false, &why) != LRT_PICTURE_ABSENT &&
        record_before(r, name, &want, &why))
        found = lrt_picture_existing(name, want, r->job->any_seed, &why);
    if (found == LRT_PICTURE_OTHER)
        lrt_run_say(r, "%s%s %s: it is drawn again", r->name, name, why.text);
    free(name);
    free(want);
    return found == LRT_PICTURE_SAME;
}

static void count(lrt_run *r, lrt_outcome outcome, const lrt_error *why)
{
    lrt_result x = lrt_run_result(r);
    x.outcome = outcome;
    if (why)
        x.why = *why;
    lrt_run_count(r, &x);
}

/* Prepares the current picture, in a pair on both ranks. *e: why it cannot be drawn. */
static bool prepare(lrt_run *r, lrt_error *e)
{
    bool ok = true, lost = r->stopped;
    if (lost)
        lrt_fail(e, "this rank cannot draw");
    else if (r->state == LRT_LINE_FAILED)
        *e = r->line_error;
    if (lost || r->state == LRT_LINE_FAILED)
        ok = false;
    else if (!prepare_line(r, &r->line_error)) {
        r->state = LRT_LINE_FAILED;
        *e = r->line_error;
        ok = false;
    }
    if (r->pair)
        ok = lrt_pair_ready(r->pair, ok, &lost, e);
    r->stopped |= lost;
    return ok;
}

/* Draws the current picture, unless it exists or its line has failed. */
static void draw_or_skip(lrt_run *r)
{
    lrt_error e;
    r->begin = lrt_now();
    if (r->state != LRT_LINE_FAILED && exists(r)) {
        count(r, LRT_EXISTED, NULL);
        return;
    }
    if (r->pair)
        lrt_pair_send(r->pair, &r->unit);
    bool ready = prepare(r, &e);
    if (ready && lrt_draw_picture(r, &e))
        return;
    if (ready && r->pair)
        lrt_pair_give_up(r->pair, &e);
    count(r, LRT_FAILED, &e);
    r->stopped |= !r->s.set.prompts && !r->crew;
}

/* The second rank of a pair: its half of the current picture. It stays until the first one has no
 * more pictures. */
static void draw_second(lrt_run *r)
{
    lrt_error e;
    if (prepare(r, &e) && !lrt_draw_half(r, &e))
        lrt_pair_give_up(r->pair, &e);
}

/* "FILE:LINE: " of a line of --prompts, else "". */
static void put_place(const lrt_run *r, const lrt_job *job, char *text, size_t n)
{
    *text = 0;
    if (r->s.set.prompts)
        snprintf(text, n, "%.200s:%d: ", lrt_jobs_place(r->s.set.prompts), job->line);
}

/* Goes on to the next picture; false: there is none. A new line is not read yet. */
static bool next_picture(lrt_run *r)
{
    bool second = r->pair && lrt_pair_second(r->pair);
    if (!(second    ? lrt_pair_next(r->pair, &r->unit)
          : r->crew ? lrt_crew_next(r->crew, &r->unit)
                    : lrt_unit_next(&r->jobs, &r->part, &r->unit)))
        return false;
    lrt_job *job = &r->jobs.jobs[r->unit.job];
    r->number = r->unit.number;
    if (job == r->job)
        return true;
    job->set.seed.value = r->unit.seed; /* rank 0 draws random ones */
    r->job = job;
    r->s.set = job->set;
    r->state = LRT_LINE_NEW;
    put_place(r, job, r->name, sizeof r->name);
    return true;
}

/* The pictures of a prompt on the command line. */
static bool plan_one(lrt_run *r, lrt_error *e)
{
    bool first = !r->crew || !r->crew->ranks.rank; /* it hands out its seed */
    if (lrt_seed_choose(&r->s.set.seed) && first)
        lrt_run_say(r, "seed %llu", (unsigned long long)r->s.set.seed.value);
    r->jobs.jobs = malloc(sizeof *r->jobs.jobs);
    if (!r->jobs.jobs)
        return lrt_fail(e, "out of memory");
    r->jobs.jobs[r->jobs.n++] = (lrt_job){.set = r->s.set, .first = 1};
    r->jobs.pictures = r->s.set.batch_count;
    return true;
}

/* Fills r->jobs: one per line of the list, or a single one. */
static bool plan(lrt_run *r, const lrt_prompts_text *list, lrt_error *e)
{
    bool first = !r->crew || !r->crew->ranks.rank;
    return !r->s.set.prompts ? plan_one(r, e)
           : first           ? lrt_jobs_parse(list, r->s.pipeline, &r->s.set, &r->jobs, e)
                             : lrt_jobs_parse_again(list, r->s.pipeline, &r->s.set, &r->jobs, e);
}

/* What one process does for all: reads the list, checks the names of all pictures. */
static bool begin_first(lrt_run *r, lrt_prompts_text *list, char **text, lrt_error *e)
{
    lrt_unit u = LRT_UNIT_BEGIN;
    if (r->s.set.prompts && !lrt_prompts_read(r->s.set.prompts, text, &list->bytes, e))
        return false;
    list->text = *text;
    if (!plan(r, list, e) || !lrt_jobs_claim(&r->jobs, r->s.weights_path, e) ||
        !lrt_jobs_check_sources(&r->jobs, r->part, r->crew, e) ||
        !lrt_results_begin(&r->results, &r->jobs, r->s.set.log, e))
        return false;
    while (lrt_unit_next(&r->jobs, &r->part, &u))
        r->results.total++;
    if (!r->results.total && !r->s.set.quiet)
        lrt_run_say(r, "part %lld of %lld has no line: the list has %zu", (long long)r->part.k,
                    (long long)r->part.of, r->jobs.n);
    return true;
}

/* Of an MPI job: rank 0 sends its list to the others. false: it has none. A rank that cannot draw
 * stays until the end, since MPI ends the job when one is missing. */
static bool begin_others(lrt_run *r, bool ok, lrt_prompts_text *list, char **text)
{
    lrt_error e;
    if (!lrt_crew_share(r->crew, ok, text, &list->bytes))
        return false;
    list->text = *text;
    if (r->crew->ranks.rank && !plan(r, list, &e)) {
        r->stopped = true;
        lrt_run_say(r, "error: rank %d: %s", r->crew->ranks.rank, e.text);
    }
    lrt_crew_begin(r->crew, &r->jobs, &r->results, r->part, r->s.set.quiet);
    return true;
}

static bool begin(lrt_run *r)
{
    lrt_error e;
    char *text = NULL;
    lrt_prompts_text list = {.path = r->s.set.prompts ? lrt_jobs_place(r->s.set.prompts) : ""};
    bool first = !r->crew || !r->crew->ranks.rank;
    bool ok = !first || (!r->stopped && begin_first(r, &list, &text, &e));
    if (!ok && !r->stopped)
        lrt_run_say(r, "error: %s", e.text);
    ok = r->crew ? begin_others(r, ok, &list, &text) : ok;
    free(text);
    return ok;
}

/* Says what did not happen. */
static bool report(lrt_run *r)
{
    lrt_results *x = &r->results;
    lrt_error e;
    char place[sizeof r->name];
    int64_t missing = x->total - x->drawn - x->existed - x->failed;
    if (x->existed && !r->s.set.quiet)
        lrt_run_say(r, "%lld of %lld pictures exist already: skipped", (long long)x->existed,
                    (long long)x->total);
    for (size_t k = 0; k < r->jobs.n; k++)
        if (x->why[k]) {
            put_place(r, &r->jobs.jobs[k], place, sizeof place);
            lrt_run_say(r, "error: %s%s", place, x->why[k]);
        }
    if (r->crew && missing)
        lrt_run_say(r, "error: %lld pictures were not drawn: no rank was left", (long long)missing);
    if (lrt_results_end(x, &e))
        return !x->failed && !missing;
    lrt_run_say(r, "error: %s", e.text);
    return false;
}

/* The pictures that this process has a part in. */
static void draw_pictures(lrt_run *r)
{
    lrt_error e;
    if (r->pair && lrt_pair_second(r->pair)) {
        r->mute = true; /* the first rank says the same */
        while (next_picture(r))
            draw_second(r);
        return;
    }
    while (!r->stopped && next_picture(r))
        draw_or_skip(r);
    lrt_draw_settle(r, &e);
    if (r->pair)
        lrt_pair_send(r->pair, &LRT_UNIT_BEGIN);
}

int lrt_draw_all(lrt_run *r)
{
    lrt_error e;
    bool failed = r->stopped;
    r->unit = LRT_UNIT_BEGIN;
    r->silent = r->s.set.quiet || r->crew;
    if (!begin(r))
        return LRT_EXIT_USER;
    draw_pictures(r);
    if (r->crew)
        lrt_crew_end(r->crew);
    if (r->crew && r->crew->ranks.rank)
        return failed ? LRT_EXIT_USER : LRT_EXIT_OK;
    bool ok = report(r);
    if (ok && r->s.profile) {
        lrt_profile_print(r->s.profile, stderr);
        ok = lrt_profile_write(r->s.profile, r->s.set.profile, r->program, &e);
        if (!ok)
            lrt_run_say(r, "error: %s", e.text);
    }
    return ok ? LRT_EXIT_OK : LRT_EXIT_USER;
}
