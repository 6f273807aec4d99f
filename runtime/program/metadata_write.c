/* Writes the record of a picture. See metadata.h. */
#include <stdlib.h>
#include <string.h>

#include "guidance.h"
#include "hash.h"
#include "metadata.h"
#include "metadata_keys.h"
#include "model_inputs.h"
#include "scan.h"
#include "spacing.h"

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
    return !strncmp(line, LRT_BEFORE_NEGATIVE, strlen(LRT_BEFORE_NEGATIVE)) ||
           !strncmp(line, LRT_BEFORE_FIELDS, strlen(LRT_BEFORE_FIELDS));
}

/* A prompt. A line that looks like the next part is joined to the line before it with a space; for
 * the tokenizer that is the same as the end of a line. */
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
    case LRT_OPT_SEED:
        fprintf(f, "%llu", (unsigned long long)((lrt_seed_choice *)o->into)->value);
        break;
    case LRT_OPT_TEXT:
    case LRT_OPT_MAYBE: put_text(f, *(const char **)o->into);
    }
}

static bool same_value(const lrt_option *a, const lrt_option *b)
{
    if (a->kind == LRT_OPT_BOOL)
        return *(bool *)a->into == *(bool *)b->into;
    if (a->kind == LRT_OPT_INT)
        return *(int64_t *)a->into == *(int64_t *)b->into;
    if (a->kind == LRT_OPT_SEED)
        return ((lrt_seed_choice *)a->into)->value == ((lrt_seed_choice *)b->into)->value;
    if (a->kind == LRT_OPT_REAL)
        return !memcmp(a->into, b->into, sizeof(double)); /* NAN: not given */
    const char *x = *(const char **)a->into, *y = *(const char **)b->into;
    return x == y || (x && y && !strcmp(x, y));
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

/* The settings that are recorded by name, where they differ from the program's defaults. */
static void put_others(FILE *f, const lrt_pipeline *p, const lrt_settings *s)
{
    lrt_settings now = *s, plain;
    lrt_option a[LRT_SETTING_COUNT], b[LRT_SETTING_COUNT];
    lrt_settings_default(&plain, p);
    lrt_settings_table(a, &now, p);
    lrt_settings_table(b, &plain, p);
    for (int i = 0; i < LRT_SETTING_COUNT; i++)
        if (lrt_settings_traits[i].record == LRT_RECORD_NAME && !same_value(&a[i], &b[i]))
            put_other(f, &a[i]);
    if (s->spacing_name && !s->curve)
        fprintf(f, ", Spacing: %s", s->spacing_name);
}

/* ", Seed: " */
static void put_key(FILE *f, int setting)
{
    fprintf(f, ", %s: ", lrt_settings_traits[setting].key);
}

static const char *sampler_title(const lrt_settings *s)
{
    return !s->sampler ? s->sampler_name : s->sampler->title ? s->sampler->title : s->sampler->name;
}

static void put_hash(FILE *f, const char *key, uint64_t hash)
{
    fprintf(f, ", %s: %016llx", key, (unsigned long long)hash);
}

/* "Steps: 25, Sampler: DDIM, ..." */
static void put_fields(FILE *f, const lrt_pipeline *p, const lrt_picture_record *r)
{
    const lrt_settings *s = r->settings;
    fprintf(f, "%s %lld", LRT_BEFORE_FIELDS, (long long)s->steps);
    put_key(f, LRT_SETTING_sampler_name);
    fputs(sampler_title(s), f);
    if (s->curve) {
        put_key(f, LRT_SETTING_spacing_name);
        fputs(lrt_metadata_title(LRT_SETTING_spacing_name, lrt_curves[s->curve].name), f);
    }
    put_key(f, LRT_SETTING_cfg_scale);
    bool counts = lrt_guides(s->cfg_scale) || lrt_takes_guidance(p);
    put_number(f, counts ? s->cfg_scale : 1); /* as web interfaces say "off" */
    put_key(f, LRT_SETTING_seed);
    fprintf(f, "%llu, Size: %dx%d, Model: ", (unsigned long long)r->seed, p->width, p->height);
    put_text(f, p->name);
    if (r->init_image) {
        put_key(f, LRT_SETTING_strength);
        put_number(f, lrt_settings_strength(s));
        put_hash(f, LRT_KEY_INIT_IMAGE, lrt_init_image_hash(r->init_image, false));
        if (r->init_image->mask)
            put_hash(f, LRT_KEY_MASK, lrt_init_image_hash(r->init_image, true));
    }
    if (r->latent_in)
        put_hash(f, LRT_KEY_LATENT,
                 lrt_hash64(r->latent_in, (uint64_t)r->latent_n * sizeof *r->latent_in));
    put_key(f, LRT_SETTING_rng_name);
    fputs(lrt_metadata_title(LRT_SETTING_rng_name, s->rng_name), f);
    put_others(f, p, s);
    if (s->cache_interval > 1)
        fprintf(f, ", " LRT_KEY_CACHE_LEVEL ": %d", lrt_settings_cache_level(p));
    fprintf(f, ", " LRT_OWN_VERSION "%s", LRT_VERSION);
}

char *lrt_metadata_text(const lrt_pipeline *p, const lrt_picture_record *r)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return NULL;
    put_prompt(f, r->settings->prompt);
    if (*r->settings->negative) {
        fputs(LRT_BEFORE_NEGATIVE " ", f);
        put_prompt(f, r->settings->negative);
    }
    put_fields(f, p, r);
    if (!fclose(f))
        return text;
    free(text);
    return NULL;
}
