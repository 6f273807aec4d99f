/* Config files of diffusers and transformers: members with the defaults of the classes that read
 * them there, and members that must have one value. A member that is null counts as absent. err()
 * names file and member where the kind or the value is another. */
#ifndef LATENTC_CONFIG_H
#define LATENTC_CONFIG_H
#include "checkpoint_settings.h"

/* The member; absent when it is null. */
Json config_get(Json config, const char *key);

/* The member's value, or `otherwise` where it is absent. Integers are from 0 to 2^20. */
int64_t config_int(Json config, const char *key, int64_t otherwise);
double config_number(Json config, const char *key, double otherwise);
bool config_bool(Json config, const char *key, bool otherwise);
const char *config_string(Json config, const char *key, const char *otherwise);

/* What becomes of a member: a row of config_members.def, which explains each field. */
typedef enum { READ, IDLE, MUST, WANT } Fate;
typedef struct {
    const char *name;
    Fate fate;
    const char *values, *instead;
} Member;
#define MEMBER(name, fate, values, instead) {#name, fate, values, instead},

/* Holds a config against the n rows: err() at a member that MUST have another value; notes of *s
 * name those that are WANTed otherwise, and, in one line, all that have no row. Members whose name
 * begins with '_' are those of every config, and need no row. */
void config_members(Settings *s, Json config, const Member *members, size_t n);
#define CONFIG_MEMBERS(s, config, members) \
    config_members(s, config, members, sizeof members / sizeof members[0])

/* A word of a config and latentc's word for it. */
typedef struct {
    const char *theirs, *ours;
} Word;

/* latentc's word for the member's text, or for `otherwise` where it is absent. err() lists the n
 * words when the text is none of them. */
const char *config_word(Json config, const char *key, const char *otherwise, const Word *words,
                        size_t n);
#define CONFIG_WORD(config, key, otherwise, words) \
    config_word(config, key, otherwise, words, sizeof words / sizeof words[0])

/* One number per level of a model. */
enum { MOST_LEVELS = 16 };
typedef struct {
    int64_t of[MOST_LEVELS];
    int n;
} Levels;

/* A list with one number per level, or one number for all n levels. n 0: the list's length. */
Levels config_levels(Json j, int n);

/* A member that may have one number per level, but must have the same at all n levels. */
int64_t config_same_level(Json config, const char *key, int n, int64_t otherwise);
#endif
