/* JSON files with typed access. Every mistake is the user's: one line with file and place (line and
 * column while parsing, JSON pointer after that), what was found and what was expected. json.c
 * alone includes cJSON. */
#ifndef LATENTC_JSON_H
#define LATENTC_JSON_H
#include "util.h"

typedef struct JsonDoc JsonDoc;
typedef struct {
    const JsonDoc *doc;
    const void *node;
} Json; /* node NULL: absent */
typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

Json json_parse(const char *text, size_t len, const char *file); /* strings live until json_free */
Json json_load(const char *path);
void json_free(Json root);
static inline bool json_ok(Json j) { return j.node != NULL; }
JsonKind json_kind(Json j);
Json json_get(Json object, const char *key);  /* absent: json_ok is false */
Json json_need(Json object, const char *key); /* err() when absent */
Json json_first(Json j); /* first element or member; absent when there is none */
Json json_next(Json j);
int json_count(Json j);
const char *json_key(Json member);
void json_expect(Json j, JsonKind kind); /* err() unless of this kind */
const char *json_string(Json j);
const char *json_name(
    Json j); /* a string that is a name: letters, digits, _, not beginning with a digit */
void json_check_name(Json member); /* the same for a member's key */
double json_number(Json j);
int64_t json_int(Json j, int64_t least, int64_t most);
bool json_bool(Json j);
bool json_is_int(Json j); /* a number without a fraction that an int64_t holds exactly */
/* err() unless every key is one of these; the message has the nearest. */
void json_only(Json object, const char *const *keys, size_t n);
/* Member `key` of the object becomes a copy of `over`; where both are objects, member by member. */
void json_merge(Json object, const char *key, Json over);
void json_rename(Json root, const char *file); /* what messages call the file from now on */
const char *json_text(Json j);                 /* compact JSON; kept until json_free */
const char *json_file(Json j);
const char *json_pointer(Json j); /* "/blocks/res_block/do/3"; kept until json_free */
_Noreturn void json_err(Json j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
