/* See embedded.h. */
#include "embedded.h"

#include <string.h>

#include "arena.h"
#include "err.h"
#include "include.h"

Json embedded_json(const char *path)
{
    for (const EmbeddedFile *f = embedded_files; f->path; f++)
        if (strcmp(f->path, path) == 0)
            return json_parse(f->text, f->length, f->path);
    die("no file %s in this program", path);
}

/* "graphs/sd2/../blocks/unet.json" */
static Json load_included(void *context, Json at, const char *path)
{
    Arena *a = context;
    (void)at;
    const char *up = strstr(path, "/../"), *part = up;
    if (!up)
        return embedded_json(path);
    while (part > path && part[-1] != '/')
        part--;
    return embedded_json(arena_printf(a, "%.*s%s", (int)(part - path), path, up + 4));
}

Json embedded_graph(const char *path)
{
    Arena *a = arena_new();
    Json root = graph_include(embedded_json(path), load_included, a);
    arena_free(a);
    return root;
}
