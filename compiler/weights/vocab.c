/* Vocabularies as users have them: see vocab.h. */
#include "vocab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "arena.h"
#include "config.h"
#include "err.h"
#include "peek.h"
#include "tokenizer.h"
#include "vocab_build.h"
#include "json.h"
#include "outfile.h"

/* A vocabulary from JSON: its tokens, sorted because a lookup in JSON walks tens of thousands of
 * members, and the merges of a tokenizer.json. */
typedef struct {
    const char *token;
    uint32_t id;
} Token;
typedef struct {
    Json root;
    Token *tokens;
    size_t n;
    /* The largest id plus one. */
    uint32_t n_tokens;
    /* The merge that comes next. */
    Json merge;
    bool has_merges;
    /* The file with the merges. */
    const char *path;
    char line[1024];
} List;

static int by_token(const void *a, const void *b)
{
    return strcmp(((const Token *)a)->token, ((const Token *)b)->token);
}

static bool find_token(void *context, const char *token, uint32_t *id)
{
    const List *l = context;
    const Token *t = bsearch(&(Token){token, 0}, l->tokens, l->n, sizeof *l->tokens, by_token);
    if (t)
        *id = t->id;
    return t;
}

/* Merges in their order; each is "left right" or ["left", "right"]. */
static const char *next_merge(void *context, uint32_t i)
{
    List *l = context;
    (void)i;
    if (!json_ok(l->merge))
        return NULL;
    Json m = l->merge;
    l->merge = json_next(m);
    if (json_kind(m) == JSON_STRING)
        return json_string(m);
    json_expect(m, JSON_ARRAY);
    if (json_count(m) != 2)
        json_err(m, "found %d symbols, expected two", json_count(m));
    const char *left = json_string(json_first(m)), *right = json_string(json_next(json_first(m)));
    if (snprintf(l->line, sizeof l->line, "%s %s", left, right) >= (int)sizeof l->line)
        json_err(m, "symbols of more than %zu bytes", sizeof l->line - 2);
    return l->line;
}

static void add_token(List *l, const char *token, Json id)
{
    enum { MOST = 1 << 20 };
    uint32_t v = (uint32_t)json_int(id, 0, MOST);
    l->tokens[l->n++] = (Token){token, v};
    if (v >= l->n_tokens)
        l->n_tokens = v + 1;
}

static void read_tokens(List *l, Json vocab, Json added)
{
    json_expect(vocab, JSON_OBJECT);
    size_t n = (size_t)json_count(vocab) + (json_ok(added) ? (size_t)json_count(added) : 0);
    l->tokens = xcalloc(n + 1, sizeof *l->tokens);
    for (Json m = json_first(vocab); json_ok(m); m = json_next(m))
        add_token(l, json_key(m), m);
    for (Json m = json_ok(added) ? json_first(added) : added; json_ok(m); m = json_next(m))
        add_token(l, json_string(json_need(m, "content")), json_need(m, "id"));
    qsort(l->tokens, l->n, sizeof *l->tokens, by_token);
}

/* tokenizer.json of Hugging Face's tokenizers, where it is CLIP's. */
static void read_tokenizer(List *l, const char *path)
{
    l->root = json_load_python(path);
    Json model = json_need(l->root, "model"), type = config_get(model, "type"),
         suffix = json_need(model, "end_of_word_suffix");
    if (json_ok(type) && strcmp(json_string(type), "BPE"))
        json_err(type, "found \"%s\", expected BPE, as CLIP's is", json_string(type));
    if (json_kind(suffix) != JSON_STRING || strcmp(json_string(suffix), "</w>"))
        json_err(suffix, "expected \"</w>\", as CLIP's is");
    read_tokens(l, json_need(model, "vocab"), config_get(l->root, "added_tokens"));
    Json merges = json_need(model, "merges");
    json_expect(merges, JSON_ARRAY);
    l->merge = json_first(merges);
    l->has_merges = true;
    l->path = path;
}

static bool exists(const char *path)
{
    struct stat st;
    return !stat(path, &st);
}

static void read_folder(List *l, const char *folder, Arena *a)
{
    const char *vocab = arena_printf(a, "%s/vocab.json", folder),
               *tokenizer = arena_printf(a, "%s/tokenizer.json", folder);
    l->path = arena_printf(a, "%s/merges.txt", folder);
    if ((exists(vocab) && exists(l->path)) || !exists(tokenizer)) {
        l->root = json_load_python(vocab);
        read_tokens(l, l->root, (Json){0});
    } else {
        read_tokenizer(l, tokenizer);
    }
}

static void free_list(List *l)
{
    free(l->tokens);
    json_free(l->root);
}

int vocab_token(const char *folder, const char *token)
{
    List l = {0};
    uint32_t id = 0;
    Arena *a = arena_new();
    read_folder(&l, folder, a);
    if (!find_token(&l, token, &id))
        err("%s: the padding token \"%s\" is not in the vocabulary", folder, token);
    free_list(&l);
    arena_free(a);
    return (int)id;
}

void *vocab_load(const char *path, size_t *bytes)
{
    lrt_error e;
    struct stat st;
    if (stat(path, &st)) {
        int why = errno;
        Arena *a = arena_new();
        err("vocabulary %s: %s%s", path, strerror(why), why == ENOENT ? hub_advice(a, path) : "");
    }
    const char *dot = strrchr(path, '.');
    bool json = dot && !strcmp(dot, ".json");
    if (!S_ISDIR(st.st_mode) && !json) {
        input_claim(path);
        void *plain = lrt_vocab_build(path, NULL, bytes, &e);
        if (!plain)
            err("vocabulary %s", e.text);
        return plain;
    }
    Arena *a = arena_new();
    List l = {0};
    if (json)
        read_tokenizer(&l, path);
    else
        read_folder(&l, path, a);
    lrt_vocab_ids ids = {.find = find_token,
                         .context = &l,
                         .n_tokens = l.n_tokens,
                         .merge = l.has_merges ? next_merge : NULL};
    input_claim(l.path);
    void *blob = lrt_vocab_build(l.path, &ids, bytes, &e);
    if (!blob)
        err("vocabulary %s", e.text);
    free_list(&l);
    arena_free(a);
    return blob;
}
