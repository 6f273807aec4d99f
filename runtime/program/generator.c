/* See generator.h. */
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "draw_all.h"
#include "generator_print.h"
#include "host.h"
#include "streams.h"

/* Says what is wrong; returns the exit code, for `return complain(...)`. */
static int complain(const lrt_run *r, int code, const char *message)
{
    lrt_run_say(r, "error: %s", message);
    return code;
}

/* What was printed is on standard output, or cannot be there. */
static int printed(const lrt_run *r)
{
    return lrt_streams_end() ? LRT_EXIT_OK
                             : complain(r, LRT_EXIT_USER, "standard output cannot be written");
}

static int print_tokens(const lrt_run *r)
{
    lrt_error e;
    return lrt_print_tokens(&r->s, &e) ? printed(r) : complain(r, LRT_EXIT_USER, e.text);
}

static int print_info(const lrt_run *r)
{
    lrt_print_info(&r->s, *r->unusable.text ? r->unusable.text : NULL);
    return printed(r);
}

static int open_program(lrt_run *r)
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
    lrt_run_notice(r, r->s.fewer_threads.text);
    return LRT_EXIT_OK;
}

static int print_help(const lrt_run *r)
{
    lrt_settings_help(r->s.pipeline, r->program);
    return printed(r);
}

/* Runs what the settings say. start: lrt_now() when the process began. */
static int run(lrt_run *r, double start)
{
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
    return lrt_draw_all(r);
}

int lrt_generator_main(int argc, char **argv, const lrt_pipeline *p)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    double start = lrt_process_start();
    lrt_run r = {.s = {.pipeline = p, .elsewhere = "--weights-file FILE"},
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
    bool usage;
    if (!lrt_part_read(set->part, &r.part, &usage, &e))
        return complain(&r, usage ? LRT_EXIT_USAGE : LRT_EXIT_USER, e.text);
    lrt_run_notice(&r, r.recorded.notice);
    int code = run(&r, start);
    lrt_profile_free(r.s.profile);
    lrt_recorded_free(&r.recorded);
    lrt_results_free(&r.results);
    lrt_jobs_free(&r.jobs);
    free(r.latent_in);
    lrt_picture_writer_free(&r.writer);
    lrt_session_close(&r.s);
    return code;
}
