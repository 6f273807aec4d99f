/* The JSON of a graph file: see graph_json.h. */
#define _GNU_SOURCE /* memmem */
#include "graph_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "archive.h"
#include "err.h"
#include "files.h"
#include "include.h"

/* The first bytes of a plain file; others (pipes) can be read only once, and have JSON. */
static size_t first_bytes(const char *path, char *head, size_t n)
{
    struct stat st;
    FILE *f = !stat(path, &st) && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    n = f ? fread(head, 1, n, f) : 0;
    if (f)
        fclose(f);
    return n;
}

static bool has(const char *head, size_t n, const char *text)
{
    return memmem(head, n, text, strlen(text)) != NULL;
}

bool begins_model_archive(const char *path, const char *head, size_t n)
{
    size_t length = strlen(path);
    return archive_signature(head, n) &&
           ((length > 6 && !strcmp(path + length - 6, ".keras")) ||
            has(head, n, "model.weights.h5") ||
            (has(head, n, "metadata.json") && has(head, n, "config.json")));
}

bool is_model_archive(const char *path)
{
    char head[4096];
    return begins_model_archive(path, head, first_bytes(path, head, sizeof head));
}

static Json from_archive(const char *path)
{
    Archive *z = archive_open(path);
    size_t n;
    const char *text = archive_text(z, "config.json", READ_FILE_MOST, &n);
    Json root = json_parse_python(text, n, path);
    archive_close(z);
    return root;
}

static void refuse_hdf5(const char *path)
{
    char head[8];
    if (first_bytes(path, head, sizeof head) == sizeof head &&
        !memcmp(head, "\x89HDF\r\n\x1a\n", 8))
        err("%s: a file of HDF5, expected a graph file or a .keras archive: weights go to --weights; a whole model "
            "becomes an archive by python -c \"import keras; keras.saving.load_model('%s').save('model.keras')\"",
            path, path);
}

/* "a/b/../c.json" as "a/c.json", where that is the same file: it reads better in messages, and a
 * file has one name. */
static char *shortened(const char *path)
{
    char *text = xstrdup(path);
    struct stat before, after;
    for (char *up = strstr(text, "/../"); up; up = strstr(up, "/../")) {
        char *part = up;
        while (part > text && part[-1] != '/')
            part--;
        if (part == up || strncmp(part, "../", 3) == 0) {
            up++;
            continue;
        }
        memmove(part, up + 4, strlen(up + 4) + 1);
        up = text;
    }
    if (stat(path, &before) == 0 && stat(text, &after) == 0 && before.st_dev == after.st_dev &&
        before.st_ino == after.st_ino)
        return text;
    free(text);
    return xstrdup(path);
}

static Json load_included(void *context, Json at, const char *path)
{
    (void)context;
    if (access(path, R_OK) != 0)
        json_err(at, "%s: %s", path, strerror(errno));
    char *name = shortened(path);
    Json doc = json_load(name);
    free(name);
    return doc;
}

Json graph_json(const char *path)
{
    if (is_model_archive(path))
        return from_archive(path);
    refuse_hdf5(path);
    return graph_include(json_load(path), load_included, NULL);
}
