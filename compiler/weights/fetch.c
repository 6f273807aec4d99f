/* Names of published weights and the cache. See fetch.h. */
#include "fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "files.h"
#include "json.h"

/* ---- the list ---- */

static const char *setting(const char *flag, const char *variable)
{
    const char *v = flag ? flag : getenv(variable);
    return v && *v ? v : NULL;
}

/* The list; absent when there is none and the user names none. */
static Json load_list(Arena *a, const char *list)
{
    const char *path = setting(list, "LATENTC_FETCH_LIST");
    if (!path)
        path = own_file(a, "graphs/published.json");
    if (!path)
        return (Json){0};
    Json root = json_load(path);
    json_expect(root, JSON_OBJECT);
    return root;
}

bool fetch_knows(const char *spec, const char *list)
{
    struct stat st;
    if (strchr(spec, '/') || !stat(spec, &st))
        return false;
    Arena *a = arena_new();
    Json root = load_list(a, list);
    bool known = json_ok(root) && json_ok(json_get(root, spec));
    if (json_ok(root))
        json_free(root);
    arena_free(a);
    return known;
}

const char *fetch_names(Arena *a, const char *list)
{
    Json root = load_list(a, list);
    const char *text = "";
    for (Json m = json_ok(root) ? json_first(root) : root; json_ok(m); m = json_next(m))
        text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", json_key(m));
    if (json_ok(root))
        json_free(root);
    return text;
}

/* ---- the cache ---- */

static const char *cache_folder(Arena *a, const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') /* the standard treats other values as unset */
        return arena_printf(a, "%s/latentc/%s", cache, name);
    if (!home || !*home)
        err("no place for downloads: neither XDG_CACHE_HOME nor HOME is set");
    return arena_printf(a, "%s/.cache/latentc/%s", home, name);
}

static void make_folders(Arena *a, const char *path)
{
    char *p = arena_strdup(a, path);
    for (char *at = p + 1, *slash;; at = slash + 1) {
        slash = strchr(at, '/');
        if (slash)
            *slash = 0;
        if (mkdir(p, 0755) && errno != EEXIST)
            err("%s: cannot be created: %s", p, strerror(errno));
        if (!slash)
            return;
        *slash = '/';
    }
}

/* ---- files of a name ---- */

/* One file: its address, its name, its sha256, its bytes at most. */
typedef struct {
    const char *address, *name, *sha256;
    int64_t most;
} File;

/* Names become names of files and folders in the cache: they are never paths. */
static bool is_plain_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
    size_t n = strlen(name);
    return n && n < 200 && *name != '.' && *name != '-' && strspn(name, letters) == n;
}

/* What follows the last '/' of an address, without a query. */
static const char *name_in(Arena *a, const char *address)
{
    const char *end = address + strcspn(address, "?#"), *name = end;
    while (name > address && name[-1] != '/')
        name--;
    return arena_printf(a, "%.*s", name > address ? (int)(end - name) : 0, name);
}

static File read_file_row(Arena *a, Json row, const char *base)
{
    static const char *const keys[] = {"from", "sha256", "most"};
    static const int64_t most = (int64_t)1 << 40;
    json_only(row, keys, 3);
    File f = {.address = json_string(json_need(row, "from")),
              .sha256 = json_string(json_need(row, "sha256"))};
    f.most = json_int(json_need(row, "most"), 1, most);
    f.name = name_in(a, f.address);
    if (!is_plain_name(f.name))
        json_err(row,
                 "\"%s\" does not end in a file's name of letters, digits, '.', '_', '+' and '-'",
                 f.address);
    if (strlen(f.sha256) != 64 || strspn(f.sha256, "0123456789abcdefABCDEF") != 64)
        json_err(row, "\"%s\" is no sha256, expected 64 hexadecimal digits", f.sha256);
    if (base)
        f.address = arena_printf(a, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/",
                                 f.name);
    return f;
}

static void provide(Arena *a, const char *name, const char *folder, const File *f,
                    const FetchOptions *o)
{
    const char *path = arena_printf(a, "%s/%s", folder, f->name);
    bool there = !access(path, F_OK);
    if (there && o->verify) {
        char hex[65];
        fetch_sha256(path, hex);
        if (strcmp(hex, f->sha256)) {
            if (o->offline)
                err("%s: has sha256 %s, expected %s", path, hex, f->sha256);
            note("%s: has another sha256 than it should; fetching it anew", path);
            if (unlink(path))
                err("%s: cannot be removed: %s", path, strerror(errno));
            there = false;
        }
    }
    if (there)
        return;
    if (o->offline)
        err("%s: %s is not in %s, and --offline forbids to fetch it", name, f->name, folder);
    make_folders(a, folder);
    fetch_file(&(FetchFile){.address = f->address,
                            .path = path,
                            .sha256 = f->sha256,
                            .what = f->name,
                            .most = f->most,
                            .patience = o->patience ? o->patience : FETCH_PATIENCE});
}

static void check_set_name(Json set, const char *name)
{
    if (!is_plain_name(name))
        json_err(
            set,
            "expected a name of letters, digits, '.', '_', '+' and '-', which becomes a folder's");
}

const char *fetch_published(Arena *a, const char *name, const FetchOptions *o)
{
    static const char *const keys[] = {"about", "files"};
    Json root = load_list(a, o->list), set = json_ok(root) ? json_get(root, name) : root;
    if (!json_ok(set))
        err("%s: no published weights of this name; there are: %s", name, fetch_names(a, o->list));
    json_only(set, keys, 2);
    check_set_name(set, name);
    const char *folder = cache_folder(a, name);
    for (Json m = json_first(json_need(set, "files")); json_ok(m); m = json_next(m)) {
        File f = read_file_row(a, m, setting(o->from, "LATENTC_FETCH_BASE"));
        provide(a, name, folder, &f, o);
    }
    json_free(root);
    return folder;
}

void fetch_print(const char *list)
{
    Arena *a = arena_new();
    Json root = load_list(a, list);
    for (Json set = json_ok(root) ? json_first(root) : root; json_ok(set); set = json_next(set)) {
        check_set_name(set, json_key(set));
        const char *folder = cache_folder(a, json_key(set));
        print_plain(stdout, "%s  %s", json_key(set), json_string(json_need(set, "about")));
        for (Json m = json_first(json_need(set, "files")); json_ok(m); m = json_next(m)) {
            File f = read_file_row(a, m, NULL);
            bool there = !access(arena_printf(a, "%s/%s", folder, f.name), F_OK);
            print_plain(stdout, "  %-32s %s", f.name, there ? "in the cache" : f.address);
        }
    }
    if (json_ok(root))
        json_free(root);
    arena_free(a);
}
