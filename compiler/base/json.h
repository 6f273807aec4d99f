/* JSON files with typed access, and trees that are built. Every mistake in a file is the user's:
 * err() prints the file and the place (line and column while parsing, a JSON pointer after that),
 * what was found and what was expected. json.c and json_build.c alone include cJSON. */
#ifndef LATENTC_JSON_H
#define LATENTC_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonDoc JsonDoc;

/* A node of a document. node NULL: absent; then only json_ok may look at it. */
typedef struct {
    const JsonDoc *doc;
    const void *node;
} Json;
typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

/* The root of a document. Its strings live until json_free. `file` is for messages. err() when the
 * text is no JSON, has a name twice in an object, or a number that is not finite. */
Json json_parse(const char *text, size_t len, const char *file);

/* The same for a file. */
Json json_load(const char *path);

/* The same for files that Python's libraries write, read as Python reads them: numbers may be NaN,
 * Infinity or -Infinity until somebody asks for their value, of a name that stands twice in an
 * object the last member counts, and half a surrogate pair is U+FFFD. */
Json json_parse_python(const char *text, size_t len, const char *file);
Json json_load_python(const char *path);

/* Frees a document by its root; absent is fine. */
void json_free(Json root);

/* ---- reading: err() where the kind is another ---- */

/* Is the node there? Only this and json_free take an absent node. */
static inline bool json_ok(Json j) { return j.node != NULL; }

/* The kind of the node. */
JsonKind json_kind(Json j);

/* err() unless j is of this kind. */
void json_expect(Json j, JsonKind kind);

/* The member; absent when there is none. */
Json json_get(Json object, const char *key);

/* The member; err() when there is none. */
Json json_need(Json object, const char *key);

/* The first element or member, then the one after it; absent at the end. */
Json json_first(Json j);
Json json_next(Json j);

/* How many elements or members. */
int json_count(Json j);

/* The name of a member; NULL for an element of an array. */
const char *json_key(Json member);

/* The text of a string; lives until json_free. */
const char *json_string(Json j);

/* A string that is a name: letters, digits and _, not beginning with a digit. */
const char *json_name(Json j);

/* The same check for a member's key. */
void json_check_name(Json member);

/* The value of a number; err() unless it is finite. */
double json_number(Json j);

/* An integer from least to most. */
int64_t json_int(Json j, int64_t least, int64_t most);

/* A number without a fraction, at most 2^53 in magnitude. */
bool json_is_int(Json j);

/* The value of true or false. */
bool json_bool(Json j);

/* err() unless every key is one of these, or "about"; the message has the nearest. */
void json_only(Json object, const char *const *keys, size_t n);

/* Compact JSON of the node; NaN, Infinity and -Infinity where the node is such a number. Lives
 * until json_free. */
const char *json_text(Json j);

/* The name of the node's file as messages have it; lives until json_free. */
const char *json_file(Json j);

/* Where the node is in that file, "/blocks/res_block/do/3"; lives until json_free. */
const char *json_pointer(Json j);

/* err() with the file and the pointer before the text. */
_Noreturn void json_err(Json j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- changing and building ---- */

/* A new document that is an empty object. `file` is for messages. */
Json json_new_object(const char *file);

/* The member of that name, an object; it is made when absent. */
Json json_object_at(Json object, const char *key);

/* The same for an array. */
Json json_array_at(Json object, const char *key);

/* A copy of `original`, a node of another document, becomes member `key` of the object, in the
 * place of an older one of that name; without a key (NULL) the last element of an array. Messages
 * about the copy name the file and the place of the original. */
void json_adopt(Json into, const char *key, Json original);

/* Set a member; an older one of that name is replaced. Integers are at most 2^53 in magnitude. */
void json_set_int(Json object, const char *key, int64_t value);
void json_set_real(Json object, const char *key, double value);
void json_set_string(Json object, const char *key, const char *value);
void json_set_bool(Json object, const char *key, bool value);

/* The same for an array of n integers. */
void json_set_ints(Json object, const char *key, const int64_t *values, int n);

/* Member `key` of the object becomes a copy of `over`; where both are objects, member by member. */
void json_merge(Json object, const char *key, Json over);

/* Removes the member of that name, if there is one. */
void json_remove(Json object, const char *key);

/* Messages call the file so from now on. */
void json_rename(Json root, const char *file);

/* For a document that came with latentc: messages name this place of a user's file instead of the
 * document and the pointer. NULL: no longer. */
void json_stands_for(Json root, const char *place);
#endif
