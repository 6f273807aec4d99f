/* Reads the record of a picture. See metadata.h. */
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "metadata_fields.h"
#include "metadata_keys.h"
#include "utf8.h"

/* A record has at most this many fields; names of so many that are not used are listed. */
enum { MOST_FIELDS = 10000, MOST_NAMED = 40 };

typedef struct {
    const char *path;
    const lrt_pipeline *p;
    lrt_settings *s;
    lrt_recorded *r;
    lrt_option table[LRT_SETTING_COUNT];
    FILE *unused; /* names of what is not used */
    int n_unused, n_fields;
    bool in_unused; /* the last field is not used, and so is what follows it without a key */
    lrt_error *e;
} Reading;

/* A copy that r owns; NULL when memory is short. */
static const char *keep(Reading *x, const char *text, size_t n)
{
    lrt_recorded *r = x->r;
    char *copy = strndup(text, n),
         **more = copy ? realloc(r->texts, (r->n_texts + 1) * sizeof *more) : NULL;
    if (!more) {
        free(copy);
        lrt_fail(x->e, "out of memory");
        return NULL;
    }
    r->texts = more;
    return more[r->n_texts++] = copy;
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

/* "Clip skip", or with a value "Eta inf". */
static void not_used(Reading *x, const char *key, const char *value)
{
    enum { MOST_VALUE = 40 };
    char text[160];
    bool rest = x->in_unused && !*key;
    x->in_unused = true;
    if (rest || x->n_unused++ >= MOST_NAMED)
        return;
    snprintf(text, sizeof text, "%s%s%.*s", key, *key && *value ? " " : "", MOST_VALUE, value);
    lrt_utf8_trim(text);
    fputs(x->n_unused > 1 ? ", " : "", x->unused);
    lrt_put_plain(x->unused, text, strlen(text));
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

static bool take_size(Reading *x, const char *value)
{
    int w, h, end = 0;
    if (sscanf(value, "%6dx%6d%n", &w, &h, &end) != 2 || value[end] || w < 1 || h < 1) {
        not_used(x, "Size", value);
        return true;
    }
    if (w == x->p->width && h == x->p->height)
        return true;
    for (uint32_t i = 0; i < x->p->n_sizes; i++)
        if (w == x->p->sizes[i].width && h == x->p->sizes[i].height)
            return (x->s->size_name = keep(x, value, strlen(value)));
    return lrt_fail(x->e, "%.200s: a picture of %d x %d pixels: this program draws %d x %d%s",
                    x->path, w, h, x->p->width, x->p->height,
                    x->p->n_sizes > 1 ? " and other sizes, but not that" : "");
}

/* A field that is about the picture or the program and is not a setting. */
static bool take_fact(Reading *x, const char *key, const char *value, bool *fact)
{
    *fact = true;
    if (!strcmp(key, "Size"))
        return take_size(x, value);
    if (!strcmp(key, "Model")) {
        return !strcmp(value, x->p->name) ||
               lrt_recorded_say(x->r, "%s: this is %s, it was drawn by the model %s", x->path,
                                x->p->name, value) ||
               lrt_fail(x->e, "out of memory");
    }
    if (!strcmp(key, LRT_KEY_CACHE_LEVEL)) {
        x->r->cache_level = atoi(value);
        return true;
    }
    *fact = !strcmp(key, "Version") || take_hash(x, key, value);
    return true;
}

/* Sets a setting to a value of ours. One that does not fit is left out: nobody typed it. key,
 * value: how the record says it. */
static bool set(Reading *x, int setting, const char *ours, const char *key, const char *value)
{
    lrt_error why;
    const char *text = ours ? keep(x, ours, strlen(ours)) : NULL;
    if (ours && !text)
        return false;
    if (!ours ||
        !lrt_option_set(x->table, LRT_SETTING_COUNT, lrt_settings_traits[setting].name, text, &why))
        not_used(x, key, value);
    return true;
}

/* A sampler, whose name may end with that of a schedule. An unknown one stays for
 * lrt_recorded_fit. */
static bool take_sampler(Reading *x, const char *key, const char *value)
{
    char name[64] = "";
    const char *schedule = NULL;
    for (size_t n = strlen(value) < sizeof name ? strlen(value) : 0; n > 0 && !schedule; n--)
        if (value[n] && strchr(" _-", value[n])) {
            snprintf(name, sizeof name, "%.*s", (int)n, value);
            if (lrt_sampler_find(name) && lrt_metadata_is_schedule(value + n + 1))
                schedule = value + n + 1;
        }
    if (lrt_sampler_find(value) || !schedule)
        return set(x, LRT_SETTING_sampler_name, value, key, value);
    return set(x, LRT_SETTING_sampler_name, name, key, value) &&
           set(x, LRT_SETTING_spacing_name, lrt_metadata_value(LRT_SETTING_spacing_name, schedule),
               "the schedule", schedule);
}

static bool take_field(Reading *x, const char *key, const char *value)
{
    bool fact;
    if (!take_fact(x, key, value, &fact))
        return false;
    if (fact)
        return true;
    int i = lrt_metadata_setting(key);
    if (i == LRT_SETTING_sampler_name)
        return take_sampler(x, key, value);
    if (i >= 0)
        return set(x, i, lrt_metadata_value(i, value), key, value);
    i = setting_of_name(key);
    if (i >= 0)
        return set(x, i, value, key, value);
    not_used(x, key, *key ? "" : value);
    return true;
}

static bool take_fields(Reading *x, lrt_span line)
{
    lrt_record_field field;
    bool ok = true;
    while (ok && x->n_fields < MOST_FIELDS && lrt_record_next(&line, &field)) {
        x->in_unused &= !*field.key;
        ok = field.value ? take_field(x, field.key, field.value) : lrt_fail(x->e, "out of memory");
        free(field.value);
        x->n_fields++;
    }
    return ok;
}

/* Lines behind the fields. One that begins with a known key goes on with them; any other is a text
 * of another program (a template of prompts). */
static bool take_rest(Reading *x, lrt_span rest)
{
    bool ok = true;
    while (ok && rest.n && x->n_fields < MOST_FIELDS) {
        lrt_span line = lrt_record_line(&rest), begin = line;
        lrt_record_field field;
        if (!lrt_record_next(&begin, &field))
            continue;
        x->n_fields++;
        bool known = lrt_metadata_setting(field.key) >= 0 || !strcmp(field.key, "Size");
        if (known)
            ok = take_fields(x, line);
        else
            not_used(x, field.key, *field.key || !field.value ? "" : field.value);
        free(field.value);
    }
    return ok;
}

/* "(a word:1.2)", attention in web interfaces */
static bool has_weight(const char *prompt)
{
    for (const char *s = strchr(prompt, ':'); s; s = strchr(s + 1, ':')) {
        size_t n = strspn(s + 1, "0123456789.");
        if (n && s[1 + n] == ')')
            return true;
    }
    return false;
}

static bool has_network(const char *prompt)
{
    return strstr(prompt, "<lora:") || strstr(prompt, "<lyco:") || strstr(prompt, "<hypernet:");
}

/* What stands in prompts for web interfaces is text here: the picture will be another one. */
static bool say_marks(Reading *x)
{
    static const struct {
        bool (*in)(const char *prompt);
        const char *what;
    } marks[] = {{has_weight, "weights, (word:1.2)"}, {has_network, "networks, <lora:name:1>"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((marks[i].in(x->s->prompt) || marks[i].in(x->s->negative)) &&
            !lrt_recorded_say(x->r, "%s: its prompt has %s, which are read as words", x->path,
                              marks[i].what))
            return lrt_fail(x->e, "out of memory");
    return true;
}

static bool take_all(Reading *x, const char *text)
{
    lrt_record_parts parts;
    if (!lrt_record_split(text, &parts))
        return lrt_fail(x->e,
                        "%.200s: its text 'parameters' has no line 'Steps: ...': nothing to repeat",
                        x->path);
    x->s->prompt = keep(x, parts.prompt.text, parts.prompt.n);
    x->s->negative = keep(x, parts.negative.text ? parts.negative.text : "", parts.negative.n);
    return x->s->prompt && x->s->negative &&
           (strstr(parts.fields.text, LRT_OWN_VERSION) || say_marks(x)) &&
           take_fields(x, parts.fields) && take_rest(x, parts.rest);
}

bool lrt_metadata_parse(const char *text, const char *path, const lrt_pipeline *p, lrt_settings *s,
                        lrt_recorded *r, lrt_error *e)
{
    size_t bytes;
    char *unused = NULL;
    Reading x = {.path = path, .p = p, .s = s, .r = r, .e = e};
    lrt_settings_table(x.table, s, p);
    x.unused = open_memstream(&unused, &bytes);
    if (!x.unused)
        return lrt_fail(e, "out of memory");
    bool ok = take_all(&x, text);
    if (x.n_unused > MOST_NAMED)
        fprintf(x.unused, " and %d more", x.n_unused - MOST_NAMED);
    if (fclose(x.unused) ||
        (ok && x.n_unused && !lrt_recorded_say(r, "%s: not used: %s", path, unused)))
        ok = lrt_fail(e, "out of memory");
    free(unused);
    return ok;
}
