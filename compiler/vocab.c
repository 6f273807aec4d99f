/* See vocab.h. */
#include "vocab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../runtime/tokenizer.h"
#include "json.h"

/* A vocab.json as a sorted list: its lookup would otherwise walk tens of thousands of members. */
typedef struct { const char *token; uint32_t id; } Token;
typedef struct { Token *tokens; size_t n; } TokenList;

static int by_token(const void *a, const void *b)
{
    return strcmp(((const Token *)a)->token, ((const Token *)b)->token);
}

static bool find_token(void *context, const char *token, uint32_t *id)
{
    const TokenList *l = context;
    const Token *t = bsearch(&(Token){token, 0}, l->tokens, l->n, sizeof *l->tokens, by_token);
    if (t)
        *id = t->id;
    return t;
}

static TokenList read_tokens(Json root, uint32_t *n_tokens)
{
    enum { MOST = 1 << 20 };
    json_expect(root, JSON_OBJECT);
    TokenList l = {xcalloc((size_t)json_count(root) + 1, sizeof(Token)), 0};
    *n_tokens = 0;
    for (Json m = json_first(root); json_ok(m); m = json_next(m)) {
        uint32_t id = (uint32_t)json_int(m, 0, MOST);
        l.tokens[l.n++] = (Token){json_key(m), id};
        if (id >= *n_tokens)
            *n_tokens = id + 1;
    }
    qsort(l.tokens, l.n, sizeof *l.tokens, by_token);
    return l;
}

static void *load_folder(const char *path, size_t *bytes, lrt_error *e)
{
    Arena *a = arena_new();
    Json root = json_load(arena_printf(a, "%s/vocab.json", path));
    lrt_vocab_ids ids = {.find = find_token};
    TokenList l = read_tokens(root, &ids.n_tokens);
    ids.context = &l;
    void *blob = lrt_vocab_build(arena_printf(a, "%s/merges.txt", path), &ids, bytes, e);
    free(l.tokens);
    json_free(root);
    arena_free(a);
    return blob;
}

void *vocab_load(const char *path, size_t *bytes)
{
    lrt_error e;
    struct stat st;
    if (stat(path, &st))
        err("vocabulary %s: %s", path, strerror(errno));
    void *blob = S_ISDIR(st.st_mode) ? load_folder(path, bytes, &e) : lrt_vocab_build(path, NULL, bytes, &e);
    if (!blob)
        err("vocabulary %s", e.text);
    return blob;
}
