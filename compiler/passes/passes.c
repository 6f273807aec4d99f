/* The driver of the passes, and the text of --fuse. */
#include "pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify.h"
#include "err.h"
#include "alloc.h"
#include "words.h"

const Pass passes[PASS_COUNT] = {
#define PASS(name, fn, flag, requires, keeps, breaks, does) \
    {#name, fn, FUSE_##flag, requires, keeps},
#include "passes.def"
};

static const char *const fuse_names[FUSE_COUNT] = {
#define FUSE(e, name) [FUSE_BIT_##e] = #name,
#include "fuses.def"
};

static unsigned fuse_bit(const char *name)
{
    const char *names[FUSE_COUNT + 2] = {"all", "none"};
    memcpy(names + 2, fuse_names, sizeof fuse_names);
    int i = name_choice("--fuse", name, NAMES(names, FUSE_COUNT + 2));
    if (i < 2)
        usage_err("--fuse: expected \"%s\" in front of names, not after one", name);
    return 1u << (i - 2);
}

unsigned fuse_parse(const char *text)
{
    static const char *const words[] = {"none", "all"};
    char *list = xstrdup(text), *rest = list, *word = strsep(&rest, ",");
    int start = name_find(word, NAMES(words, 2));
    bool minus = word[0] == '-', mixed = start >= 0; /* after a start both kinds are clear */
    unsigned flags = start == 1 || minus ? FUSE_ALL : FUSE_NONE;
    for (word = start < 0 ? word : strsep(&rest, ","); word; word = strsep(&rest, ",")) {
        if (!mixed && (word[0] == '-') != minus)
            usage_err(
                "--fuse \"%s\": expected names all with a minus or all without, or all or none "
                "in front of them",
                text);
        unsigned bit = fuse_bit(word + (word[0] == '-'));
        flags = word[0] == '-' ? flags & ~bit : flags | bit;
    }
    free(list);
    return flags;
}

void fuse_print(unsigned flags, Buf *out)
{
    int set = 0;
    for (int i = 0; i < FUSE_COUNT; i++)
        set += flags >> i & 1;
    if (set == 0 || set == FUSE_COUNT) {
        buf_printf(out, "%s", set ? "all" : "none");
        return;
    }
    bool minus = set > FUSE_COUNT / 2;
    const char *comma = "";
    for (int i = 0; i < FUSE_COUNT; i++) {
        if ((flags >> i & 1) == minus)
            continue;
        buf_printf(out, "%s%s%s", comma, minus ? "-" : "", fuse_names[i]);
        comma = ",";
    }
}

/* The index of the pass of this name; usage_err() when there is none. */
static int pass_index(const char *until)
{
    return name_choice("pass", until, NAMES_OF(passes, name, PASS_COUNT));
}

static bool verifies(void)
{
#ifdef NDEBUG
    return getenv("LATENTC_VERIFY") != NULL;
#else
    return true;
#endif
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int run_pass(Graph *g, const Pass *p)
{
    int changes = p->run(g);
    if (changes) {
        graph_toposort(g);
        graph_sweep(g);
        graph_rebind(g);
    }
    if (verifies())
        graph_verify(g, p->name);
    return changes;
}

int pass_run_one(Graph *g, const char *name) { return run_pass(g, &passes[pass_index(name)]); }

void passes_run(Graph *g, unsigned flags, const char *until, bool trace)
{
    int end = until ? pass_index(until) + 1 : PASS_COUNT;
    for (int i = 0; i < end; i++) {
        const Pass *p = &passes[i];
        if (p->flag == FUSE_ALWAYS || flags & p->flag) {
            double start = now_ms();
            int changes = run_pass(g, p);
            if (trace && changes)
                note("pass %-10s %5d changes %8.2f ms, %u ops left", p->name, changes,
                     now_ms() - start, g->n_ops);
            else if (trace)
                note("pass %-10s  (unchanged)  %8.2f ms", p->name, now_ms() - start);
        } else if (trace) {
            note("pass %-10s  (off)", p->name);
        }
    }
}
