/* --from-png: from a picture's record to settings that fit together. See metadata.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf */
#endif
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "metadata_dream.h"
#include "metadata_keys.h"
#include "picture_text.h"
#include "utf8.h"

bool lrt_recorded_say(lrt_recorded *r, const char *fmt, ...)
{
    char *line = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return false;
    size_t used = r->notice ? strlen(r->notice) : 0, room = used + 4 * (size_t)n + 2;
    char *all = realloc(r->notice, room);
    if (all) {
        r->notice = all;
        lrt_plain(all + used, room - used, line);
        strcat(all, "\n");
    }
    free(line);
    return all;
}

/* The texts that are looked for, the first one first; then lrt_other_records. */
static const char *const chunks[] = {"parameters", LRT_DREAM_CHUNK};
enum { CHUNKS = sizeof chunks / sizeof *chunks, MOST_CHUNKS = 16 };

/* Nothing in the file can be repeated. Always false. */
static bool no_record(const char *path, const char *what, lrt_error *e)
{
    if (what)
        return lrt_fail(
            e, "%.200s: it records %s: expected a text 'parameters', as web interfaces write it",
            path, what);
    return lrt_fail(
        e, "%.200s: it does not record how it was drawn: a text 'parameters' is missing", path);
}

/* What a text is that is no record; NULL: nothing known. A JPEG has one text, whatever program
 * wrote it: chunk is NULL. */
static const char *other_record(const char *chunk, const char *text)
{
    for (const lrt_other_record *o = lrt_other_records; o->chunk; o++)
        if (text[strspn(text, " \n")] == '{' && strstr(text, o->holds) &&
            (chunk ? !strcmp(chunk, o->chunk) : strlen(o->holds) > 1))
            return o->what;
    return NULL;
}

bool lrt_metadata_read(const char *path, const lrt_pipeline *p, lrt_settings *s, lrt_recorded *r,
                       lrt_error *e)
{
    const char *keys[MOST_CHUNKS];
    int n = 0;
    lrt_found_text found;
    for (; n < CHUNKS; n++)
        keys[n] = chunks[n];
    for (const lrt_other_record *o = lrt_other_records; o->chunk && n < MOST_CHUNKS; o++)
        keys[n++] = o->chunk;
    if (!lrt_picture_text(path, &(lrt_text_keys){keys, n}, &found, e))
        return false;
    char *text = found.text;
    int which = found.key;
    if (which == 1) {
        text = lrt_dream_record(found.text);
        free(found.text);
    }
    const char *other = text && which >= 0 ? other_record(which < CHUNKS ? NULL : keys[which], text)
                                           : NULL;
    bool ok = which >= 0 && !text                     ? lrt_fail(e, "out of memory")
              : which < 0 || which >= CHUNKS || other ? no_record(path, other, e)
                                                      : lrt_metadata_parse(text, path, p, s, r, e);
    free(text);
    return ok;
}

bool lrt_recorded_complete(const lrt_recorded *r, const char *path, const lrt_settings *s,
                           lrt_error *e)
{
    const char *flag = r->from_picture && !s->init_img   ? "-i"
                       : r->with_mask && !s->mask        ? "--mask"
                       : r->from_latent && !s->latent_in ? "--latent-in"
                                                         : NULL;
    return !flag ||
           lrt_fail(
               e,
               "%.200s: it was drawn with %s, but does not contain that file: give it again, %s FILE",
               path, flag, flag);
}

/* A recorded sampler that is not here becomes the default one, which the notice says. table,
 * defaults: of the settings and of their defaults. */
static bool fit_sampler(lrt_recorded *r, const char *path, lrt_settings *s, const lrt_option *table,
                        const lrt_option *defaults, lrt_error *e)
{
    enum { ROW = LRT_SETTING_sampler_name };
    lrt_error why;
    const char *recorded = s->sampler_name;
    if (table[ROW].given || lrt_settings_find_sampler(s, &why))
        return true;
    lrt_option_copy(&table[ROW], &defaults[ROW]);
    return lrt_recorded_say(r,
                            "%s: its sampler %.60s is not used: this program does not have it; it "
                            "draws with %s: --sampling-method NAME chooses another",
                            path, recorded, s->sampler_name) ||
           lrt_fail(e, "out of memory");
}

bool lrt_recorded_fit(lrt_recorded *r, const char *path, const lrt_pipeline *p, lrt_settings *s,
                      const lrt_option *table, lrt_error *e)
{
    lrt_settings plain;
    lrt_option defaults[LRT_SETTING_COUNT];
    lrt_error why;
    int i, last = -1;
    lrt_settings_default(&plain, p);
    lrt_settings_table(defaults, &plain, p);
    if (!fit_sampler(r, path, s, table, defaults, e))
        return false;
    for (; (i = lrt_settings_unfit(s, p, &why)) >= 0; last = i) {
        if (table[i].given || i == last)
            return lrt_fail(e, "%s", why.text);
        lrt_option_copy(&table[i], &defaults[i]);
        if (!lrt_recorded_say(r, "%s: its %s is not used: %s", path, lrt_settings_traits[i].name,
                              why.text))
            return lrt_fail(e, "out of memory");
    }
    return true;
}

/* Says that a program with TAESD alone draws a picture that the model's own decoder drew. */
static bool say_decoder(lrt_recorded *r, const char *path, lrt_error *e)
{
    return lrt_recorded_say(r,
                            "%s: the model's own decoder drew it; this program has TAESD alone, "
                            "so this is another picture",
                            path) ||
           lrt_fail(e, "out of memory");
}

/* The same where the recorded interval is drawn with short steps that reuse other values. */
static bool say_cache_level(lrt_recorded *r, const char *path, const lrt_pipeline *p,
                            const lrt_settings *s, lrt_error *e)
{
    int own = lrt_settings_cache_level(p);
    bool recorded = !s->fast && !s->given[LRT_SETTING_cache_interval];
    if (r->cache_level == own || s->cache_interval <= 1 || !recorded)
        return true;
    if (!r->cache_level)
        return lrt_recorded_say(r,
                                "%s: it does not record its cache level; this program was built "
                                "with --cache-level %d, so this may be another picture",
                                path, own) ||
               lrt_fail(e, "out of memory");
    return lrt_recorded_say(r,
                            "%s: it was drawn with cache level %d; this program was built with "
                            "--cache-level %d, so this is another picture",
                            path, r->cache_level, own) ||
           lrt_fail(e, "out of memory");
}

bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         lrt_recorded *r, lrt_error *e)
{
    lrt_option table[LRT_SETTING_COUNT];
    const char *path = s->from_png;
    lrt_settings_default(s, p);
    lrt_settings_table(table, s, p);
    if (!lrt_metadata_read(path, p, s, r, e) ||
        !lrt_options_parse(table, LRT_SETTING_COUNT, argc, argv, e))
        return false;
    lrt_settings_note_given(s, table);
    bool other_decoder = p->decoder < 0 && !s->taesd;
    return lrt_recorded_complete(r, path, s, e) && lrt_recorded_fit(r, path, p, s, table, e) &&
           lrt_settings_complete(s, p, e) && (!other_decoder || say_decoder(r, path, e)) &&
           say_cache_level(r, path, p, s, e);
}

void lrt_recorded_free(lrt_recorded *r)
{
    for (size_t i = 0; i < r->n_texts; i++)
        free(r->texts[i]);
    free(r->texts);
    free(r->notice);
    *r = (lrt_recorded){0};
}
