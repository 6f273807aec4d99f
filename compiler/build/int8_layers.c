/* See int8_layers.h. */
#include "int8_layers.h"
#include "err.h"
#include "files.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* A file while it is read: the layers of one graph are kept. */
typedef struct {
    const char *path;
    const Graph *g;
    QuantLayers *of;
    bool named, ours, any;
    int line;
} Reader;

static char *next_word(char **rest)
{
    char *word;
    do
        word = strsep(rest, " \t\r");
    while (word && !*word);
    return word;
}

static void read_layer(Reader *r, const char *path, const char *type)
{
    static const char *const types[] = {"bf16", "int8"};
    int i = type ? name_find(type, NAMES(types, 2)) : -1;
    if (!r->named)
        err("%s:%d: found '%s', expected graph NAME before the first layer", r->path, r->line,
            path);
    if (i < 0)
        err("%s:%d: %s: found '%s', expected int8 or bf16", r->path, r->line, path,
            type ? type : "the end of the line");
    r->any = true;
    if (r->ours)
        r->of->layers[r->of->n++] = (QuantLayer){arena_strdup(r->g->arena, path), i == 1, r->line};
}

static void read_line(Reader *r, char *text)
{
    char *word = next_word(&text);
    if (!word || *word == '#')
        return;
    char *second = next_word(&text);
    if (strcmp(word, "graph") != 0) {
        read_layer(r, word, second);
        return;
    }
    if (!second)
        err("%s:%d: found the end of the line, expected the graph's name", r->path, r->line);
    r->named = true;
    r->ours = !strcmp(second, r->g->name);
}

static int count_lines(const char *text)
{
    int n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

const QuantLayers *int8_layers_read(const char *path, Graph *g)
{
    QuantLayers *of = arena_alloc(g->arena, sizeof *of);
    of->file = path;
    of->all = !strcmp(path, "all");
    if (of->all)
        return of;
    char *text = read_file(path, NULL), *rest = text;
    of->layers = arena_alloc(g->arena, (size_t)count_lines(text) * sizeof *of->layers);
    Reader r = {.path = path, .g = g, .of = of};
    for (char *line; (line = strsep(&rest, "\n"));) {
        r.line++;
        read_line(&r, line);
    }
    free(text);
    if (!r.any)
        err("%s: no layers: expected lines of a layer and int8 or bf16, below 'graph NAME'", path);
    return of->n ? of : NULL;
}
