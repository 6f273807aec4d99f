/* Reads the record of a picture. See metadata.h. */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "metadata_keys.h"
#include "png_read.h"
#include "scan.h"
#include "utf8.h"

typedef struct {
    const char *path;
    const lrt_pipeline *p;
    lrt_settings *s;
    lrt_recorded *r;
    lrt_option table[LRT_SETTING_COUNT];
    FILE *notice;
    char unused[200]; /* names that are not used, cut */
    lrt_error *e;
} Reading;

/* Writes text from the file to the notice, as one line. */
static void quote(FILE *notice, const char *text) { lrt_put_plain(notice, text, strlen(text)); }

/* A copy that r owns; NULL when memory is short. */
static const char *keep(lrt_recorded *r, const char *text, size_t n)
{
    char *copy = strndup(text, n),
         **more = copy ? realloc(r->texts, (r->n_texts + 1) * sizeof *more) : NULL;
    if (!more) {
        free(copy);
        return NULL;
    }
    r->texts = more;
    return more[r->n_texts++] = copy;
}

/* The setting that web interfaces record under this key; -1 for none. */
static int setting_of_key(const char *key)
{
    for (int i = 0; i < LRT_SETTING_COUNT; i++)
        if (lrt_settings_traits[i].key && !strcmp(lrt_settings_traits[i].key, key))
            return i;
    return -1;
}

/* The setting whose long name this is, written "Preview every" for "preview-every", and that is
 * recorded in a field; -1 for none. */
static int setting_of_name(const char *key)
{
    char name[64];
    size_t n = 0;
    for (; key[n] && n < sizeof name - 1; n++)
        name[n] = (char)(key[n] == ' '                    ? '-'
                         : key[n] >= 'A' && key[n] <= 'Z' ? key[n] + 32
                                                          : key[n]);
    name[n] = '\0';
    int i = lrt_setting_find(name);
    bool field = i >= 0 && (lrt_settings_traits[i].record == LRT_RECORD_KEY ||
                            lrt_settings_traits[i].record == LRT_RECORD_NAME);
    return field ? i : -1;
}

static bool take_hash(Reading *x, const char *key, const char *value)
{
    lrt_recorded *r = x->r;
    if (!strcmp(key, LRT_KEY_INIT_IMAGE)) {
        r->from_picture = true;
        r->picture = strtoull(value, NULL, 16);
    } else if (!strcmp(key, LRT_KEY_MASK)) {
        r->with_mask = true;
        r->mask = strtoull(value, NULL, 16);
    } else if (!strcmp(key, LRT_KEY_LATENT)) {
        r->from_latent = true;
    } else {
        return false;
    }
    return true;
}

static bool take_size(Reading *x, int w, int h, const char *value)
{
    if (w == x->p->width && h == x->p->height)
        return true;
    for (uint32_t i = 0; i < x->p->n_sizes; i++)
        if (w == x->p->sizes[i].width && h == x->p->sizes[i].height)
            return (x->s->size_name = keep(x->r, value, strlen(value))) ||
                   lrt_fail(x->e, "out of memory");
    return lrt_fail(x->e, "%.200s: a picture of %d x %d pixels: this program draws %d x %d%s",
                    x->path, w, h, x->p->width, x->p->height,
                    x->p->n_sizes > 1 ? " and other sizes, but not that" : "");
}

/* A field that is about the picture or the program and is not a setting. */
static bool take_fact(Reading *x, const char *key, const char *value, bool *fact)
{
    int w, h, end = 0;
    *fact = true;
    if (!strcmp(key, "Size")) {
        if (sscanf(value, "%dx%d%n", &w, &h, &end) != 2 || value[end])
            return lrt_fail(x->e, "%.200s: its parameters say 'Size: %.40s': expected WIDTHxHEIGHT",
                            x->path, value);
        return take_size(x, w, h, value);
    } else if (!strcmp(key, "Model")) {
        if (strcmp(value, x->p->name)) {
            fprintf(x->notice, "%s: this is %s, it was drawn by the model ", x->path, x->p->name);
            quote(x->notice, value);
            fputc('\n', x->notice);
        }
    } else if (strcmp(key, "Version")) {
        *fact = take_hash(x, key, value);
    }
    return true;
}

static void not_used(Reading *x, const char *key, const char *value)
{
    size_t n = strlen(x->unused);
    snprintf(x->unused + n, sizeof x->unused - n, "%s%s%s%s", n ? ", " : "", key, *value ? " " : "",
             value);
}

/* Web interfaces record a schedule also for samplers that do not take one. */
static void drop_karras(Reading *x)
{
    bool karras;
    const lrt_sampler *sampler = lrt_sampler_find_spaced(x->s->sampler_name, &karras);
    if (sampler && !(sampler->traits & LRT_TAKES_KARRAS) && x->s->spacing_name &&
        !strcmp(x->s->spacing_name, "karras")) {
        x->s->spacing_name = NULL;
        not_used(x, "Schedule type", "Karras");
    }
}

static bool take_field(Reading *x, const char *key, const char *value)
{
    bool fact;
    lrt_error why;
    if (!take_fact(x, key, value, &fact))
        return false;
    if (fact)
        return true;
    int i = setting_of_key(key);
    const char *ours = i >= 0 ? lrt_metadata_value(i, value) : value;
    i = i >= 0 ? i : setting_of_name(key);
    if (i < 0 || !ours) {
        not_used(x, key, i >= 0 ? value : "");
        return true;
    }
    const char *text = keep(x->r, ours, strlen(ours));
    if (!text)
        return lrt_fail(x->e, "out of memory");
    return lrt_option_set(x->table, LRT_SETTING_COUNT, lrt_settings_traits[i].name, text, &why) ||
           lrt_fail(x->e, "%.200s: its parameters: %.250s", x->path, why.text);
}

/* A value: a quoted string, or everything up to the next comma. malloc'd; NULL when a string is
 * damaged or memory is short. */
static char *scan_value(lrt_scan *scan)
{
    if (lrt_scan_peek(scan) == '"')
        return lrt_scan_string(scan);
    const char *from = scan->p, *comma = memchr(from, ',', (size_t)(scan->end - from)),
               *to = comma ? comma : scan->end;
    scan->p = to;
    while (to > from && strchr(" \t\r\n", to[-1]))
        to--;
    return strndup(from, (size_t)(to - from));
}

/* "Key: value, Key: "quoted", ..." */
static bool take_fields(Reading *x, const char *text)
{
    const char *end = text + strlen(text);
    lrt_error why;
    lrt_scan scan = {text, end, text, "", &why};
    while (lrt_scan_peek(&scan)) {
        const char *colon = memchr(scan.p, ':', (size_t)(end - scan.p));
        if (!colon || colon - scan.p > 60 || memchr(scan.p, ',', (size_t)(colon - scan.p)))
            return lrt_fail(x->e, "%.200s: its parameters: expected 'Name: value' at '%.40s'",
                            x->path, scan.p);
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)(colon - scan.p), scan.p);
        scan.p = colon + 1;
        char *value = scan_value(&scan);
        bool ok = value ? take_field(x, key, value)
                        : lrt_fail(x->e, "%.200s: its parameters: '%.60s' has no valid value",
                                   x->path, key);
        free(value);
        if (!ok)
            return false;
        if (lrt_scan_peek(&scan) && !lrt_scan_take(&scan, ','))
            return lrt_fail(x->e, "%.200s: its parameters: expected ',' at '%.40s'", x->path,
                            scan.p);
    }
    return true;
}

/* In the first n characters of text: the last line that begins with `what`; NULL when none does. */
static const char *last_line(const char *text, size_t n, const char *what)
{
    const char *found = NULL;
    for (const char *s = text; s && (size_t)(s - text) + strlen(what) <= n;
         s = memchr(s, '\n', n - (size_t)(s - text)), s = s ? s + 1 : NULL)
        if (!strncmp(s, what, strlen(what)))
            found = s;
    return found;
}

static bool take_all(Reading *x, const char *text)
{
    const char *fields = last_line(text, strlen(text), LRT_BEFORE_FIELDS);
    if (!fields)
        return lrt_fail(
            x->e, "%.200s: its text chunk 'parameters' has no line 'Steps: ...': nothing to repeat",
            x->path);
    const char *negative = last_line(text, (size_t)(fields - text), LRT_BEFORE_NEGATIVE),
               *begin = negative ? negative + strlen(LRT_BEFORE_NEGATIVE) : "";
    const char *prompt_end = negative ? negative : fields;
    x->s->prompt = keep(x->r, text, (size_t)(prompt_end - text) - (prompt_end > text));
    x->s->negative = keep(x->r, begin, negative ? (size_t)(fields - begin) - 1 : 0);
    if (!x->s->prompt || !x->s->negative)
        return lrt_fail(x->e, "out of memory");
    return take_fields(x, fields);
}

bool lrt_metadata_parse(const char *text, const char *path, const lrt_pipeline *p, lrt_settings *s,
                        lrt_recorded *r, lrt_error *e)
{
    size_t bytes;
    Reading x = {.path = path, .p = p, .s = s, .r = r, .e = e};
    lrt_settings_table(x.table, s, p);
    x.notice = open_memstream(&r->notice, &bytes);
    if (!x.notice)
        return lrt_fail(e, "out of memory");
    bool ok = take_all(&x, text);
    drop_karras(&x);
    if (*x.unused) {
        fprintf(x.notice, "%s: not used: ", path);
        quote(x.notice, x.unused);
        fputc('\n', x.notice);
    }
    return !fclose(x.notice) && ok;
}

bool lrt_metadata_read(const char *path, const lrt_pipeline *p, lrt_settings *s, lrt_recorded *r,
                       lrt_error *e)
{
    char *text;
    if (!lrt_png_text(path, "parameters", &text, e))
        return false;
    bool ok =
        text
            ? lrt_metadata_parse(text, path, p, s, r, e)
            : lrt_fail(
                  e,
                  "%.200s: it does not record how it was drawn: a text chunk 'parameters' is missing",
                  path);
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

bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         lrt_recorded *r, lrt_error *e)
{
    lrt_option table[LRT_SETTING_COUNT];
    const char *path = s->from_png;
    lrt_error why;
    lrt_settings_default(s, p);
    lrt_settings_table(table, s, p);
    if (!lrt_metadata_read(path, p, s, r, e) ||
        !lrt_options_parse(table, LRT_SETTING_COUNT, argc, argv, e) ||
        !lrt_recorded_complete(r, path, s, e))
        return false;
    for (size_t i = 0; i < r->n_texts; i++) /* a recorded sampler, or one of the command line? */
        if (r->texts[i] == s->sampler_name && !lrt_settings_find_sampler(s, &why))
            return lrt_fail(
                e, "%.200s: it was drawn with a sampler that this program does not have: %.250s",
                path, why.text);
    return lrt_settings_complete(s, p, e);
}

void lrt_recorded_free(lrt_recorded *r)
{
    for (size_t i = 0; i < r->n_texts; i++)
        free(r->texts[i]);
    free(r->texts);
    free(r->notice);
    *r = (lrt_recorded){0};
}
