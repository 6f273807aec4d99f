/* See generator.h. */
#include "generator.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crash.h"
#include "draw_all.h"
#include "generator_print.h"
#include "host.h"
#include "launcher.h"
#include "staged.h"
#include "streams.h"

/* Says what is wrong; returns the exit code, for `return complain(...)`. What a rank other than 0
 * says is about this rank alone. */
static int complain(const lrt_run *r, int code, const char *message)
{
    if (r->crew && r->crew->ranks.rank)
        lrt_run_say(r, "error: rank %d on %s: %s", r->crew->ranks.rank, r->crew->host, message);
    else
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
    char mpi[64];
    lrt_print_info(&r->s, *r->unusable.text ? r->unusable.text : NULL,
                   r->mpi ? lrt_mpi_name(r->mpi, mpi, sizeof mpi) : NULL);
    return printed(r);
}

/* --stage-to: the copies that are used instead of these files. *weights: NULL where the program
 * holds them. */
static bool stage(lrt_run *r, const char **program, const char **weights, lrt_error *e)
{
    const char *folder = r->s.set.stage_to, *name = r->s.pipeline->weights_file;
    char real[PATH_MAX], beside[PATH_MAX];
    if (!folder || !lrt_host_program_path(real, sizeof real))
        return !folder || lrt_fail(e, "--stage-to: this program's own file is not known");
    if (!*weights && name) {
        size_t n = (size_t)(strrchr(real, '/') - real);
        if ((size_t)snprintf(beside, sizeof beside, "%.*s/%s", (int)n, real, name) < sizeof beside)
            *weights = beside;
    }
    uint64_t layout = r->s.pipeline->program->layout_hash;
    const lrt_container_file own = {real, "the program file", NULL, layout, false},
                             other = {*weights, "the weights file", NULL, layout, false};
    r->staged[0] = lrt_staged(&own, folder, e);
    r->staged[1] = r->staged[0] && *weights ? lrt_staged(&other, folder, e) : NULL;
    *program = r->staged[0];
    bool ok = r->staged[0] && (!*weights || r->staged[1]);
    *weights = r->staged[1];
    return ok;
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
    const char *program = lrt_host_program(), *weights = r->s.set.weights_file;
    if (runs && !stage(r, &program, &weights, &e))
        return complain(r, LRT_EXIT_USER, e.text);
    bool open = lrt_session_open(&r->s, program, weights, sections, &e);
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

/* Joins the ranks of the job. Others than rank 0 say nothing that all would say. One rank is a
 * program like any other. */
static void join(lrt_run *r)
{
    r->threads_allowed = lrt_ranks_begin(&r->own_crew.ranks, r->mpi);
    r->joined = true;
    if (r->own_crew.ranks.size == 1)
        return;
    lrt_crew_init(&r->own_crew);
    r->crew = &r->own_crew;
    r->mute = r->crew->ranks.rank;
}

/* Several processes that each believe to be alone would all draw everything. */
static bool check_launcher(const lrt_run *r, lrt_error *e)
{
    lrt_launcher l = lrt_launcher_read();
    int size = r->crew ? r->crew->ranks.size : 1;
    char name[64];
    if (r->crew && !r->threads_allowed)
        return lrt_fail(
            e,
            "this MPI does not allow calls from several threads in turn: expected MPI_THREAD_SERIALIZED");
    if (l.size <= size)
        return true;
    if (l.rank) /* rank 0 says it, before the launcher sees that a process has failed */
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    if (!r->mpi)
        return lrt_fail(
            e,
            "%ld processes were started (%s), and each would draw everything: this program was built without --mpi; without MPI, tasks of a Slurm array share a list (--part)",
            l.size, l.variable);
    return lrt_fail(
        e,
        "%ld processes were started (%s), but this program's MPI sees %d, and each would draw everything: start it with the mpirun of %s, or with the srun --mpi=TYPE that this MPI knows",
        l.size, l.variable, size, lrt_mpi_name(r->mpi, name, sizeof name));
}

/* Draws, alone or with other ranks. */
static int draw(lrt_run *r)
{
    lrt_error e;
    if (r->mpi && !r->joined)
        join(r);
    if (!check_launcher(r, &e)) {
        r->mute |= lrt_launcher_read().rank > 0;
        return complain(r, LRT_EXIT_USER, e.text);
    }
    if (r->s.set.split && !strcmp(r->s.set.split, "guidance")) {
        int size = r->crew ? r->crew->ranks.size : 1;
        if (size % 2) {
            lrt_fail(&e, "--split guidance needs an even number of ranks of MPI, found %d", size);
            return complain(r, LRT_EXIT_USER, e.text);
        }
        lrt_pair_init(&r->own_pair, &r->crew->ranks);
        r->pair = &r->own_pair;
        r->s.halves = &r->pair->halves;
    }
    r->mute = false;
    if (r->crew && r->crew->ranks.rank)
        r->s.set.profile = NULL; /* rank 0 measures */
    r->s.profile = r->s.set.profile ? lrt_profile_new(r->start) : NULL;
    lrt_profile_started(r->s.profile, "start");
    int code = open_program(r);
    if (code != LRT_EXIT_OK && !r->crew)
        return code;
    r->stopped = code != LRT_EXIT_OK;
    return lrt_draw_all(r);
}

/* Runs what the settings say. */
static int run(lrt_run *r)
{
    const lrt_settings *set = &r->s.set;
    bool prints = set->help || set->version || set->info || set->print_tokens;
    if (!prints)
        return draw(r);
    if (r->mute)
        return LRT_EXIT_OK;
    if (set->help)
        return print_help(r);
    if (set->version) {
        printf("%s, latentc %s\n", r->s.pipeline->name, LRT_VERSION);
        return printed(r);
    }
    int code = open_program(r);
    return code != LRT_EXIT_OK ? code : set->info ? print_info(r) : print_tokens(r);
}

/* The command line, and what it says. */
static int parse_and_run(lrt_run *r, int argc, char **argv)
{
    lrt_settings *set = &r->s.set;
    lrt_error e;
    bool usage;
    if (!lrt_settings_parse(set, r->s.pipeline, argc, argv, &e))
        return complain(r, LRT_EXIT_USAGE, e.text);
    if (set->from_png && !set->help && !set->version && !set->info &&
        !lrt_settings_recall(set, r->s.pipeline, argc, argv, &r->recorded, &e))
        return complain(r, LRT_EXIT_USER, e.text);
    if (!lrt_part_read(set->part, &r->part, &usage, &e))
        return complain(r, usage ? LRT_EXIT_USAGE : LRT_EXIT_USER, e.text);
    lrt_run_notice(r, r->recorded.notice);
    return run(r);
}

int lrt_generator_run(int argc, char **argv, const lrt_pipeline *p, const lrt_mpi *mpi)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    lrt_run r = {.s = {.pipeline = p, .elsewhere = "--weights-file FILE"},
                 .program = slash      ? slash + 1
                            : argc > 0 ? argv[0]
                                       : p->name,
                 .start = lrt_process_start(),
                 .mpi = mpi};
    lrt_streams_begin();
    lrt_output_guard();
    lrt_crash_guard(r.program, lrt_output_remove_all);
    if (mpi && lrt_launcher_read().size > 1) /* so that one rank speaks for all */
        join(&r);
    int code = parse_and_run(&r, argc, argv);
    if (r.joined)
        lrt_ranks_end(&r.own_crew.ranks);
    lrt_profile_free(r.s.profile);
    lrt_recorded_free(&r.recorded);
    lrt_results_free(&r.results);
    lrt_jobs_free(&r.jobs);
    free(r.latent_in);
    lrt_picture_writer_free(&r.writer);
    lrt_pair_free(&r.own_pair);
    free(r.staged[0]);
    free(r.staged[1]);
    lrt_session_close(&r.s);
    return code;
}
