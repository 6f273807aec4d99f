/* See latentrt.h. latentc links this in front of the runtime library when it makes a library. */
#include "latentrt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "session.h"

struct lrt_generator {
    lrt_session s;
    struct {
        char *name, *value;
    } * texts; /* copies of the texts that settings point to */
    size_t n_texts;
    bool drawn;
    uint64_t seed; /* of the last picture */
    char message[sizeof(lrt_error) + 1024];
    lrt_progress_callback *progress;
    void *user;
    bool stopped;
};

static int said(lrt_generator *g, bool ok, const lrt_error *e)
{
    snprintf(g->message, sizeof g->message, "%s", ok ? "" : e->text);
    return ok ? LRT_DONE : LRT_FAILED;
}

static bool open_file(lrt_generator *g, const char *file, lrt_error *e)
{
    char own[4096];
    lrt_error why;
    if (!lrt_host_file_of_code(&latentrt_pipeline, own, sizeof own)) {
        if (!file)
            return lrt_fail(
                e,
                "cannot find the file that this library was loaded from: give the file with the weights");
        snprintf(own, sizeof own, "%s", lrt_host_program()); /* the vocabulary is then in `file` */
    }
    if (latentrt_program.version != LRT_PLAN_VERSION)
        return lrt_fail(e, "code and runtime are of different versions");
    return lrt_session_open(&g->s, own, file, LRT_MAP_VOCAB | LRT_MAP_WEIGHTS, &why) ||
           lrt_fail(e, "%.200s: %s", own, why.text);
}

lrt_generator *lrt_create(const char *file, int threads, char *why, size_t why_bytes)
{
    lrt_generator *g = calloc(1, sizeof *g);
    lrt_error e = {"out of memory"};
    bool ok = g;
    if (ok) {
        g->s.pipeline = &latentrt_pipeline;
        g->s.elsewhere = "the argument \"file\" of lrt_create";
        lrt_settings_default(&g->s.set, g->s.pipeline);
        g->s.set.threads = threads;
        ok = (threads >= 0 && threads <= 4096) ||
             lrt_fail(&e, "threads: expected 0 to 4096, found %d", threads);
        ok = ok && open_file(g, file, &e);
    }
    if (why_bytes)
        snprintf(why, why_bytes, "%s", ok ? "" : e.text);
    if (ok)
        return g;
    lrt_destroy(g);
    return NULL;
}

void lrt_destroy(lrt_generator *g)
{
    if (!g)
        return;
    lrt_session_close(&g->s);
    for (size_t i = 0; i < g->n_texts; i++) {
        free(g->texts[i].name);
        free(g->texts[i].value);
    }
    free(g->texts);
    free(g);
}

/* The index in g->texts of a setting's text; -1 when memory is short. */
static int64_t place_of(lrt_generator *g, const char *name)
{
    for (size_t i = 0; i < g->n_texts; i++)
        if (!strcmp(g->texts[i].name, name))
            return (int64_t)i;
    void *more = realloc(g->texts, (g->n_texts + 1) * sizeof *g->texts);
    if (!more)
        return -1;
    g->texts = more;
    g->texts[g->n_texts].value = NULL;
    return (g->texts[g->n_texts].name = strdup(name)) ? (int64_t)g->n_texts++ : -1;
}

int lrt_set(lrt_generator *g, const char *name, const char *value)
{
    lrt_error e = {"out of memory"};
    lrt_settings set = g->s.set;
    char *text = value ? strdup(value) : NULL;
    if ((value && !text) || !lrt_settings_set(&set, g->s.pipeline, name, text, &e)) {
        free(text);
        return said(g, false, &e);
    }
    int64_t i = place_of(g, name);
    if (i < 0) {
        free(text);
        return said(g, false, &e);
    }
    free(g->texts[i].value);
    g->texts[i].value = text;
    g->s.set = set;
    return said(g, true, &e);
}

int lrt_set_prompt(lrt_generator *g, const char *prompt, const char *negative)
{
    int code = lrt_set(g, "prompt", prompt ? prompt : "");
    return code ? code : lrt_set(g, "negative-prompt", negative ? negative : "");
}

static bool on_step(void *context, const lrt_sampling *s, int k, const float *x0, lrt_error *e)
{
    lrt_generator *g = context;
    (void)x0;
    if (!lrt_container_check(&g->s.container, e))
        return false;
    int step = s->point[k].step + 1 - s->first;
    if (g->progress && g->progress(g->user, step, g->s.left)) {
        g->stopped = true;
        return lrt_fail(e, "stopped by the caller after step %d of %d", step, g->s.left);
    }
    return true;
}

static bool draw(lrt_generator *g, lrt_error *e)
{
    lrt_session *s = &g->s;
    if (!s->set.prompt)
        return lrt_fail(e, "no prompt: call lrt_set_prompt first");
    lrt_seed_choose(&s->set.seed);
    return lrt_settings_check(&s->set, s->pipeline, e) && lrt_session_read(s, e) &&
           lrt_session_prepare(s, e) && lrt_session_start(s, s->set.seed.value, e) &&
           lrt_session_denoise(s, on_step, g, e) && lrt_container_check(&s->container, e) &&
           lrt_engine_decode(&s->engine, s->x, e);
}

int lrt_run(lrt_generator *g, lrt_progress_callback *progress, void *user)
{
    lrt_error e;
    lrt_seed_choice wanted = g->s.set.seed;
    g->progress = progress;
    g->user = user;
    g->stopped = false;
    bool ok = draw(g, &e);
    g->seed = g->s.set.seed.value;
    g->s.set.seed =
        wanted; /* the wish for a random one stays: the next picture gets a new random seed */
    g->drawn = g->drawn || ok;
    int code = said(g, ok, &e);
    if (ok && g->s.notice)
        snprintf(g->message, sizeof g->message, "%s", g->s.notice);
    return g->stopped ? LRT_STOPPED : code;
}

const uint8_t *lrt_picture(const lrt_generator *g) { return g->drawn ? g->s.engine.rgb : NULL; }

int lrt_width(const lrt_generator *g) { return g->s.pipeline->width; }

int lrt_height(const lrt_generator *g) { return g->s.pipeline->height; }

uint64_t lrt_seed(const lrt_generator *g) { return g->seed; }

const char *lrt_message(const lrt_generator *g) { return g->message; }
