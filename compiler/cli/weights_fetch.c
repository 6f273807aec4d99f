/* latentc weights fetch: published weights into the cache. */
#include <stdio.h>

#include "fetch.h"
#include "flags.h"
#include "weights_actions.h"
#include "err.h"
#include "outfile.h"

int weights_fetch(int argc, char **argv)
{
    FetchOptions o = {.verify = true};
    const char *name = NULL;
    /* clang-format off */
    const Flag flags[] = {
        {"offline", 0, FLAG_BOOL, &o.offline, NULL, "download nothing; only check the files in the cache", 0, 0},
        {"from", 0, FLAG_STRING, &o.from, "URL", "a mirror: address of the folder that has the files; default $LATENTC_FETCH_BASE", 0, 0},
        {"timeout", 0, FLAG_INT, &o.patience, "S", "give up after S seconds in which a download hardly moves; default 120", 1, 86400},
        {"list", 0, FLAG_STRING, &o.list, "FILE", "a list to use in place of graphs/published.json; default $LATENTC_FETCH_LIST", 0, 0},
    };
    /* clang-format on */
    const Command command = {
        "latentc weights fetch [NAME]",
        "Downloads published weights and their vocabulary into $XDG_CACHE_HOME/latentc/NAME (~/.cache/latentc/NAME), checks the sha256 of\n"
        "each file, and prints the folder. An interrupted download continues where it stopped. Without NAME: lists the names.\n"
        "--weights NAME downloads them too.\n"
        "  latentc weights fetch keras-sd2.1 && latentc build graphs/sd2/pipeline.json --weights keras-sd2.1 -o sd",
        flags,
        sizeof flags / sizeof flags[0],
        0,
        1,
        &name};
    flags_parse(&command, argc, argv);
    Arena *a = arena_new();
    if (name)
        puts(fetch_published(a, name, &o));
    else
        fetch_print(o.list);
    stdout_check();
    arena_free(a);
    return EXIT_OK;
}
