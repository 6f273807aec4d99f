/* See metadata.h. */
#include "metadata.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "picture_in.h"
#include "scan.h"

/* Names that web interfaces know, and ours for them. The options among them are always written, in
 * this order but for those in between. */
static const struct {
    const char *key, *option;
} keys[] = {{"Steps", "steps"},
            {"Sampler", "sampling-method"},
            {"Schedule type", "spacing"},
            {"CFG scale", "cfg-scale"},
            {"Seed", "seed"},
            {"Denoising strength", "strength"},
            {"RNG", "rng"}};
/* Their values, and ours for them: other values of these keys are not used. Of rows with one of
 * ours the first is written. Samplers have theirs in lrt_samplers. */
static const struct {
    const char *key, *title, *value;
} values[] = {{"Schedule type", "Karras", "karras"},
              {"Schedule type", "Uniform", "linspace"},
              {"Schedule type", "Normal", "linspace"},
              {"RNG", "NV", "cuda"},
              {"RNG", "CPU", "cpu"},
              {"RNG", "GPU", "cuda"},
              {"RNG", "cuda", "cuda"},
              {"RNG", "cpu", "cpu"}};
static const char before_negative[] = "Negative prompt: ", before_fields[] = "Steps: ";
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- writing ----------------------------------------------------------------------------------
 */

/* The shortest text that reads back as v. */
static void put_number(FILE *f, double v)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    fputs(text, f);
}

static void put_text(FILE *f, const char *text)
{
    if (text[strcspn(text, ",:\"\n\r")] || *text == ' ' || !*text)
        lrt_scan_quote(f, text);
    else
        fputs(text, f);
}

static bool begins_part(const char *line)
{
    return !strncmp(line, before_negative, strlen(before_negative)) ||
           !strncmp(line, before_fields, strlen(before_fields));
}

/* A prompt. A line of it that would be taken for the next part is joined to the line before, which
 * is the same to the tokenizer: there a line's end is a space. */
static void put_prompt(FILE *f, const char *text)
{
    if (begins_part(text))
        fputc(' ', f);
    for (const char *s = text; *s; s++)
        fputc(*s == '\n' && begins_part(s + 1) ? ' ' : *s, f);
    fputc('\n', f);
}

static void put_value(FILE *f, const lrt_option *o)
{
    switch (o->kind) {
    case LRT_OPT_BOOL: fputs(*(bool *)o->into ? "true" : "false", f); break;
    case LRT_OPT_INT: fprintf(f, "%lld", (long long)*(int64_t *)o->into); break;
    case LRT_OPT_REAL: put_number(f, *(double *)o->into); break;
    default: put_text(f, *(const char **)o->into);
    }
}

static bool same_value(const lrt_option *a, const lrt_option *b)
{
    if (a->kind == LRT_OPT_BOOL)
        return *(bool *)a->into == *(bool *)b->into;
    if (a->kind == LRT_OPT_INT)
        return *(int64_t *)a->into == *(int64_t *)b->into;
    if (a->kind == LRT_OPT_REAL)
        return !memcmp(a->into, b->into, sizeof(double)); /* not given is not a number */
    const char *x = *(const char **)a->into, *y = *(const char **)b->into;
    return x == y || (x && y && !strcmp(x, y));
}

/* Options that are recorded in another way: prompts as lines, the size as the picture's, files by
 * what is in them. */
static bool stands_apart(const char *option)
{
    static const char *const names[] = {"prompt", "negative-prompt", "size", "init-img",
                                        "mask",   "latent-in"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (!strcmp(option, names[i]))
            return true;
    return false;
}

static bool has_key(const char *option)
{
    for (size_t i = 0; i < COUNT(keys); i++)
        if (!strcmp(option, keys[i].option))
            return true;
    return false;
}

/* ", Preview every: 3" for "preview-every" */
static void put_other(FILE *f, const lrt_option *o)
{
    fprintf(f, ", %c", o->name[0] - 'a' + 'A');
    for (const char *s = o->name + 1; *s; s++)
        fputc(*s == '-' ? ' ' : *s, f);
    fputs(": ", f);
    put_value(f, o);
}

static void put_others(FILE *f, const lrt_pipeline *p, const lrt_settings *s)
{
    lrt_settings now = *s, plain;
    lrt_option a[LRT_MOST_OPTIONS], b[LRT_MOST_OPTIONS];
    lrt_settings_default(&plain, p);
    int n = lrt_settings_table(a, &now, p);
    lrt_settings_table(b, &plain, p);
    for (int i = 0; i < n; i++)
        if (a[i].help && lrt_setting_shapes(a[i].name) && !stands_apart(a[i].name) &&
            !has_key(a[i].name) && !same_value(&a[i], &b[i]))
            put_other(f, &a[i]);
    if (s->spacing_name && !s->karras)
        fprintf(f, ", Spacing: %s", s->spacing_name);
}

static const char *sampler_title(const lrt_settings *s)
{
    return !s->sampler ? s->sampler_name : s->sampler->title ? s->sampler->title : s->sampler->name;
}

static const char *title_of(const char *key, const char *value)
{
    for (size_t i = 0; i < COUNT(values); i++)
        if (!strcmp(values[i].key, key) && !strcmp(values[i].value, value))
            return values[i].title;
    return value;
}

char *lrt_metadata_text(const lrt_pipeline *p, const lrt_settings *s, int64_t seed,
                        const lrt_known *known, const float *latent_in, int64_t n)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return NULL;
    put_prompt(f, s->prompt);
    if (*s->negative) {
        fputs(before_negative, f);
        put_prompt(f, s->negative);
    }
    fprintf(f, "%s%lld, Sampler: %s%s, CFG scale: ", before_fields, (long long)s->steps,
            sampler_title(s), s->karras ? ", Schedule type: Karras" : "");
    put_number(f, s->cfg_scale);
    fprintf(f, ", Seed: %lld, Size: %dx%d, Model: ", (long long)seed, p->width, p->height);
    put_text(f, p->name);
    if (known) {
        fputs(", Denoising strength: ", f);
        put_number(f, s->strength == s->strength ? s->strength : LRT_STRENGTH);
        fprintf(f, ", Init image hash: %016llx", (unsigned long long)lrt_known_hash(known, false));
        if (known->mask)
            fprintf(f, ", Mask hash: %016llx", (unsigned long long)lrt_known_hash(known, true));
    }
    if (latent_in)
        fprintf(f, ", Latent hash: %016llx",
                (unsigned long long)lrt_hash64(latent_in, (uint64_t)n * sizeof *latent_in));
    fprintf(f, ", RNG: %s", title_of("RNG", s->rng_name));
    put_others(f, p, s);
    fprintf(f, ", Version: latentc %s", LRT_VERSION);
    if (!fclose(f))
        return text;
    free(text);
    return NULL;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

typedef struct {
    const char *path;
    const lrt_pipeline *p;
    lrt_settings *s;
    lrt_recorded *r;
    lrt_option table[LRT_MOST_OPTIONS];
    int n;
    FILE *notice;
    char unused[200]; /* names that are not used, cut */
    lrt_error *e;
} Reading;

/* Something that the file says, for the notice: in one line. */
static void quote(FILE *notice, const char *text)
{
    for (const char *s = text; *s; s++)
        fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, notice);
}

/* A copy that lives as long as r; NULL when memory is short. */
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

/* The option that a key stands for; NULL for none. */
static const lrt_option *option_of(const Reading *x, const char *key)
{
    char name[64];
    size_t n = 0;
    for (; key[n] && n < sizeof name - 1; n++)
        name[n] = (char)(key[n] == ' '                    ? '-'
                         : key[n] >= 'A' && key[n] <= 'Z' ? key[n] + 32
                                                          : key[n]);
    name[n] = '\0';
    const char *wanted = name;
    for (size_t i = 0; i < COUNT(keys); i++)
        if (!strcmp(keys[i].key, key))
            wanted = keys[i].option;
    for (int i = 0; i < x->n; i++)
        if (x->table[i].help && !strcmp(x->table[i].name, wanted))
            return lrt_setting_shapes(wanted) && !stands_apart(wanted) ? &x->table[i] : NULL;
    return NULL;
}

static bool take_hash(Reading *x, const char *key, const char *value)
{
    lrt_recorded *r = x->r;
    if (!strcmp(key, "Init image hash")) {
        r->from_picture = true;
        r->picture = strtoull(value, NULL, 16);
    } else if (!strcmp(key, "Mask hash")) {
        r->with_mask = true;
        r->mask = strtoull(value, NULL, 16);
    } else if (!strcmp(key, "Latent hash")) {
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

/* What is about the picture and the program rather than a setting. */
static bool take_fact(Reading *x, const char *key, const char *value, bool *known)
{
    int w, h, end = 0;
    *known = true;
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
        *known = take_hash(x, key, value);
    }
    return true;
}

static void not_used(Reading *x, const char *key, const char *value)
{
    size_t n = strlen(x->unused);
    snprintf(x->unused + n, sizeof x->unused - n, "%s%s%s%s", n ? ", " : "", key, *value ? " " : "",
             value);
}

/* NULL: of the key's values this is none that we have. */
static const char *value_of(const char *key, const char *theirs)
{
    bool any = false;
    for (size_t i = 0; i < COUNT(values); i++) {
        if (strcmp(values[i].key, key))
            continue;
        if (!strcmp(values[i].title, theirs))
            return values[i].value;
        any = true;
    }
    return any ? NULL : theirs;
}

/* Web interfaces record a schedule with samplers, too, that have their own. */
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
    bool known;
    lrt_error why;
    if (!take_fact(x, key, value, &known))
        return false;
    const lrt_option *o = known ? NULL : option_of(x, key);
    if (known)
        return true;
    const char *ours = o ? value_of(key, value) : NULL;
    if (!ours) {
        not_used(x, key, o ? value : "");
        return true;
    }
    const char *text = keep(x->r, ours, strlen(ours));
    if (!text)
        return lrt_fail(x->e, "out of memory");
    return lrt_option_set(x->table, x->n, o->name, text, &why) ||
           lrt_fail(x->e, "%.200s: its parameters: %.250s", x->path, why.text);
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
        char key[64], *value;
        snprintf(key, sizeof key, "%.*s", (int)(colon - scan.p), scan.p);
        scan.p = colon + 1;
        if (lrt_scan_peek(&scan) == '"') {
            value = lrt_scan_string(&scan);
        } else {
            const char *from = scan.p, *comma = memchr(from, ',', (size_t)(end - from)),
                       *to = comma ? comma : end;
            scan.p = to;
            while (to > from && strchr(" \t\r\n", to[-1]))
                to--;
            value = strndup(from, (size_t)(to - from));
        }
        bool ok = value ? take_field(x, key, value)
                        : lrt_fail(x->e, "%.200s: its parameters: '%.60s' has no sound value",
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

/* The last line of the first n characters of text that begins with `what`; NULL when none does. */
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
    const char *fields = last_line(text, strlen(text), before_fields);
    if (!fields)
        return lrt_fail(
            x->e, "%.200s: its text chunk 'parameters' has no line 'Steps: ...': nothing to repeat",
            x->path);
    const char *negative = last_line(text, (size_t)(fields - text), before_negative),
               *begin = negative ? negative + strlen(before_negative) : "";
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
    x.n = lrt_settings_table(x.table, s, p);
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
               "%.200s: it was drawn with %s, whose file it does not hold: give it again, %s FILE",
               path, flag, flag);
}

bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         lrt_recorded *r, lrt_error *e)
{
    lrt_option table[LRT_MOST_OPTIONS];
    const char *path = s->from_png;
    lrt_error why;
    lrt_settings_default(s, p);
    int n = lrt_settings_table(table, s, p);
    if (!lrt_metadata_read(path, p, s, r, e) || !lrt_options_parse(table, n, argc, argv, e) ||
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
