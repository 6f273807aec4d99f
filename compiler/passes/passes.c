/* The driver of the passes, and the text of --fuse. */
#include "pass.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify.h"
#include "err.h"
#include "alloc.h"
#include "words.h"

enum { EXACT = 1, ROUNDED = 0 }; /* words of passes.def */
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
    for (int i = 0; i < FUSE_COUNT; i++)
        if (!strcmp(name, fuse_names[i]))
            return 1u << i;
    const char *near = nearest_word(name, fuse_names, FUSE_COUNT);
    if (near)
        usage_err("--fuse: unknown name \"%s\"; did you mean \"%s\"?", name, near);
    Buf all = {0};
    buf_names(&all, fuse_names, FUSE_COUNT);
    usage_err("--fuse: unknown name \"%s\"; expected all, none, or some of %s", name, all.data);
}

unsigned fuse_parse(const char *text)
{
    if (!strcmp(text, "all"))
        return FUSE_ALL;
    if (!strcmp(text, "none"))
        return FUSE_NONE;
    bool minus = text[0] == '-';
    unsigned named = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        if ((p[0] == '-') != minus)
            usage_err("--fuse \"%s\": expected names all with a minus or all without", text);
        char *name = xcalloc(n + 1, 1);
        memcpy(name, p + minus, n - minus);
        named |= fuse_bit(name);
        free(name);
        p += n;
        if (!*p)
            return minus ? FUSE_ALL & ~named : named;
    }
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
    const char *names[PASS_COUNT];
    for (int i = 0; i < PASS_COUNT; i++) {
        names[i] = passes[i].name;
        if (!strcmp(until, names[i]))
            return i;
    }
    const char *near = nearest_word(until, names, PASS_COUNT);
    if (near)
        usage_err("there is no pass \"%s\"; did you mean \"%s\"?", until, near);
    Buf all = {0};
    buf_names(&all, names, PASS_COUNT);
    usage_err("there is no pass \"%s\"; expected one of %s", until, all.data);
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
        if (flags & p->flag) {
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
