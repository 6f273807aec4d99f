/* A generator's settings, and its command line that sets them. */
#ifndef LATENTRT_SETTINGS_H
#define LATENTRT_SETTINGS_H
#include "options.h"
#include "plan.h"
#include "rng.h"
#include "samplers.h"

#define LRT_VERSION "0.1.0"
/* --fast: docs/fast.md says why. */
enum { LRT_FAST_LEAST_STEPS = 10, LRT_FAST_INTERVAL = 3 };
#define LRT_FAST_GUIDANCE_STOP 0.6
#define LRT_STRENGTH 0.75 /* of --init-img, unless --strength says otherwise */

/* Rows of settings.def, headlines included: the index of a setting in the tables below. */
enum {
#define HEADLINE(id, title, example) LRT_HEADLINE_##id,
#define SETTING(member, ...) LRT_SETTING_##member,
#include "settings.def"
#undef HEADLINE
#undef SETTING
    LRT_SETTING_COUNT
};
typedef enum { LRT_SCOPE_RUN, LRT_SCOPE_LINE, LRT_SCOPE_PICTURE } lrt_setting_scope;
typedef enum {
    LRT_RECORD_NONE,
    LRT_RECORD_LINE,
    LRT_RECORD_SIZE,
    LRT_RECORD_HASH,
    LRT_RECORD_KEY,
    LRT_RECORD_NAME
} lrt_setting_record;
/* The traits of a row; settings.def says what they mean. A headline has name NULL. */
typedef struct {
    const char *name;
    lrt_setting_scope scope;
    lrt_setting_record record;
    const char *key;
} lrt_setting_traits;
extern const lrt_setting_traits lrt_settings_traits[LRT_SETTING_COUNT];
/* The index of the setting of that long name; -1 when there is none. */
int lrt_setting_find(const char *name);

/* What the command line says. A text that is not given is NULL, or what lrt_settings_default
 * says; alpha and strength are NAN when not given. */
typedef struct {
#define LRT_MEMBER_BOOL(name) bool name;
#define LRT_MEMBER_INT(name) int64_t name;
#define LRT_MEMBER_REAL(name) double name;
#define LRT_MEMBER_SEED(name) lrt_seed_choice name;
#define LRT_MEMBER_TEXT(name) const char *name;
#define LRT_MEMBER_MAYBE(name) const char *name;
#define HEADLINE(id, title, example)
#define SETTING(member, name, letter, kind, ...) LRT_MEMBER_##kind(member)
#include "settings.def"
#undef HEADLINE
#undef SETTING
    /* found by lrt_settings_check */
    const lrt_sampler *sampler;
    int curve; /* LRT_SIGMAS_* that sampler_name or spacing_name says */
    const lrt_rng *rng;
    lrt_size size;                /* --size, or the pipeline's first one */
    lrt_schedule_config schedule; /* the pipeline's, with --spacing and --prediction */
    /* By the command line or a line of --prompts: --fast leaves them as they are. */
    bool given[LRT_SETTING_COUNT];
} lrt_settings;
/* Sets all defaults, some of them from the pipeline. */
void lrt_settings_default(lrt_settings *s, const lrt_pipeline *p);
/* Sets one setting of scope PICTURE by its long name; value NULL: to its default. value must
 * outlive s. false, with *e: another scope, an unknown name, or a wrong value. */
bool lrt_settings_set(lrt_settings *s, const lrt_pipeline *p, const char *name, const char *value,
                      lrt_error *e);
/* Sets one setting by its long name, whatever its scope. false, with *e: an unknown name, a wrong
 * value, or one that this program cannot have. */
bool lrt_settings_assign(lrt_settings *s, const lrt_pipeline *p, const char *name,
                         const char *value, lrt_error *e);
/* Fills in what the names stand for (sampler, rng, size, schedule) and checks that a picture can be
 * drawn: the settings are compatible, and a model that reads masks has a picture and a mask. */
bool lrt_settings_check(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* The first half of it: the setting (LRT_SETTING_*) that is unknown or does not go with the others,
 * and why in *e; -1 when all fit. */
int lrt_settings_unfit(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* Fills in s->sampler and s->curve from s->sampler_name. false: there is no such sampler. */
bool lrt_settings_find_sampler(lrt_settings *s, lrt_error *e);
/* What --fast says, unless --prompts names the pictures; lrt_settings_check where a picture will be
 * drawn; and checks that there is a prompt. Fills in the file name of --profile. */
bool lrt_settings_complete(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* Whether the picture's name and number go together: a known ending, one picture for standard
 * output. Does not look at --prompts. */
bool lrt_settings_check_output(const lrt_settings *s, lrt_error *e);
/* After lrt_options_parse: s->given from the table. */
void lrt_settings_note_given(lrt_settings *s, const lrt_option table[LRT_SETTING_COUNT]);
/* The options of the command line; their values are in s. */
void lrt_settings_table(lrt_option table[LRT_SETTING_COUNT], lrt_settings *s,
                        const lrt_pipeline *p);
/* --strength, or its default. */
double lrt_settings_strength(const lrt_settings *s);
/* How many steps run: with an init image the share --strength of them. */
int lrt_settings_steps(const lrt_settings *s);
/* With --fast: sets what docs/fast.md recommends for this picture, as far as the program has it,
 * and where s->given says that nobody gave it. */
void lrt_settings_fast(lrt_settings *s, const lrt_pipeline *p);
/* The program's short step was built for that cache level (latentc build --cache-level); 0: it has
 * none. */
int lrt_settings_cache_level(const lrt_pipeline *p);
/* Defaults, then the command line. false, with *e: wrong usage. */
bool lrt_settings_parse(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                        lrt_error *e);
/* Prints --help. */
void lrt_settings_help(const lrt_pipeline *p, const char *program);
/* Draws a seed when a random one is wanted. Returns whether it did. */
bool lrt_seed_choose(lrt_seed_choice *seed);
#endif
