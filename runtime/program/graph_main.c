/* main() of `latentc compile GRAPH --emit exe`: one stage on tensors from a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "crash.h"
#include "host.h"
#include "stage.h"
#include "options.h"
#include "output.h"
#include "output_place.h"
#include "progress.h"
#include "streams.h"
#include "tensors.h"
#include "threads.h"

enum { EXIT_USER = 1, EXIT_USAGE = 2, EXIT_BUG = 70 };
typedef struct {
    const char *inputs, *outputs;
    int64_t repeat, threads;
    bool info, help;
} Settings;

static const char *program = "graph";

static int complain(int code, const char *message)
{
    fprintf(stderr, "%s: error: %s\n", program, message);
    return code;
}

static const char *dtype_name(uint32_t dtype) { return dtype == LRT_F32 ? "F32" : "I32"; }

static void print_io(const char *what, const lrt_io *io, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        printf("%-8s %s %s (", what, io[i].name, dtype_name(io[i].dtype));
        for (uint32_t k = 0; k < io[i].rank; k++)
            printf(k ? ",%lld" : "%lld", (long long)io[i].dim[k]);
        printf(")\n");
    }
}

static int print_info(const lrt_program *p, const lrt_container *c)
{
    const lrt_stage *s = p->stages[0];
    printf("graph    %s\nmade from %s\noptions  %s\ntarget   %s\n", s->name,
           p->made_from ? p->made_from : "", p->options ? p->options : "", p->target);
    print_io("input", s->inputs, s->n_inputs);
    print_io("output", s->outputs, s->n_outputs);
    printf("memory   %.1f MB of weights, %.1f MB of working memory\nfingerprint %016llx-%016llx\n",
           s->weights_bytes / 1e6, (s->arena_bytes + s->prompt_bytes) / 1e6,
           (unsigned long long)p->layout_hash,
           (unsigned long long)c->footer.sections[LRT_SECTION_WEIGHTS].hash);
    return lrt_streams_end() ? 0 : complain(EXIT_USER, "standard output cannot be written");
}

/* Copies of the inputs, since the file may not align them. NULL, with *e, when one is missing or
 * has another shape. */
static void **load_inputs(const lrt_stage *s, const char *path, lrt_error *e)
{
    lrt_tensor_file f;
    if (!lrt_tensors_read(path, &f, e))
        return NULL;
    void **in = calloc(s->n_inputs + 1, sizeof *in);
    bool ok = in || lrt_fail(e, "out of memory");
    for (uint32_t i = 0; ok && i < s->n_inputs; i++) {
        const lrt_io *io = &s->inputs[i];
        const lrt_tensor_spec want = {io->name, dtype_name(io->dtype), (int)io->rank, io->dim,
                                      NULL};
        const lrt_tensor *t = lrt_tensors_find(&f, &want, e);
        ok = t;
        if (ok && !(in[i] = malloc(t->bytes)))
            ok = lrt_fail(e, "out of memory");
        if (ok)
            memcpy(in[i], t->data, t->bytes);
    }
    lrt_tensors_free(&f);
    if (ok)
        return in;
    for (uint32_t i = 0; in && i < s->n_inputs; i++)
        free(in[i]);
    free(in);
    return NULL;
}

static int64_t count(const lrt_io *io)
{
    int64_t n = 1;
    for (uint32_t k = 0; k < io->rank; k++)
        n *= io->dim[k];
    return n;
}

static bool save_outputs(const lrt_stage *s, void *const *out, const char *path, lrt_error *e)
{
    lrt_tensor_spec *t = calloc(s->n_outputs, sizeof *t);
    if (!t)
        return lrt_fail(e, "out of memory");
    for (uint32_t i = 0; i < s->n_outputs; i++)
        t[i] = (lrt_tensor_spec){s->outputs[i].name, dtype_name(s->outputs[i].dtype),
                                 (int)s->outputs[i].rank, s->outputs[i].dim, out[i]};
    bool ok = lrt_tensors_write(path, t, (int)s->n_outputs, e);
    free(t);
    return ok;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* After a warm-up, n timed runs as one JSON line on standard output. */
static bool time_runs(lrt_instance *x, int n, lrt_error *e)
{
    double *runs = calloc((size_t)n * 2, sizeof *runs), *sorted = runs + n;
    if (!runs)
        return lrt_fail(e, "out of memory");
    for (int i = 0; i < n; i++) {
        double begin = lrt_now();
        lrt_run_all(x);
        runs[i] = sorted[i] = lrt_now() - begin;
    }
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    printf("{\"min\": %.9g, \"median\": %.9g, \"runs\": [", sorted[0],
           (sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
    for (int i = 0; i < n; i++)
        printf(i ? ", %.9g" : "%.9g", runs[i]);
    printf("]}\n");
    free(runs);
    return lrt_streams_end() || lrt_fail(e, "standard output cannot be written");
}

static bool run(const lrt_stage *s, const char *weights, const Settings *set, lrt_error *e)
{
    void **in = load_inputs(s, set->inputs, e), **out = calloc(s->n_outputs + 1, sizeof *out);
    const char *why = NULL;
    bool ok = in && (out || lrt_fail(e, "out of memory"));
    lrt_instance *x = ok ? lrt_instance_new(s, weights + s->weights_offset, (int)set->threads, &why)
                         : NULL;
    if (why)
        ok = lrt_fail(e, "%s", why);
    for (uint32_t i = 0; ok && i < s->n_inputs; i++)
        lrt_set_input(x, i, in[i]);
    for (uint32_t i = 0; ok && i < s->n_outputs; i++) {
        ok = (out[i] = calloc((size_t)count(&s->outputs[i]), 4)) || lrt_fail(e, "out of memory");
        lrt_set_output(x, i, out[i]);
    }
    if (ok) {
        lrt_run_all(x);
        ok = !set->repeat || time_runs(x, (int)set->repeat, e);
    }
    ok = ok && (!set->outputs || save_outputs(s, out, set->outputs, e));
    lrt_instance_free(x);
    for (uint32_t i = 0; in && i < s->n_inputs; i++)
        free(in[i]);
    for (uint32_t i = 0; out && i < s->n_outputs; i++)
        free(out[i]);
    free(in);
    free(out);
    return ok;
}

static int print_help(const lrt_option *table, int n)
{
    printf("%s runs the graph '%s'.\n\n  %s --inputs IN.safetensors --outputs OUT.safetensors\n\n",
           program, latentrt_program.stages[0]->name, program);
    lrt_options_help(table, n, program, stdout);
    return lrt_streams_end() ? 0 : complain(EXIT_USER, "standard output cannot be written");
}

/* Before the work: --outputs can be written, and is neither --inputs nor this program. */
static bool check_output(const Settings *set, lrt_error *e)
{
    return lrt_output_protect(lrt_host_program(), e) && lrt_output_protect(set->inputs, e) &&
           (!set->outputs || lrt_output_claim(set->outputs, e));
}

/* --info, or a run. */
static int use_program(const lrt_program *p, Settings *set)
{
    lrt_container c;
    lrt_error e;
    if (p->version != LRT_PLAN_VERSION)
        return complain(EXIT_BUG, "code and runtime are of different versions");
    if (!set->info && (!lrt_cpu_check(p->cpu, &e) || !lrt_cpu_enable(p->cpu, &e)))
        return complain(EXIT_USER, e.text);
    const lrt_container_file own = {lrt_host_program(), "the program file", NULL, p->layout_hash,
                                    true};
    if (!lrt_container_check_code(&own, &e)) /* before there are threads */
        return complain(EXIT_USER, e.text);
    set->threads = lrt_threads(set->threads, &e);
    if (*e.text)
        fprintf(stderr, "%s: %s\n", program, e.text);
    if (!lrt_container_open(&own, set->info ? 0 : LRT_MAP_WEIGHTS, 0, &c, &e))
        return complain(EXIT_USER, e.text);
    bool ok = set->info ||
              (check_output(set, &e) && run(p->stages[0], c.section[LRT_SECTION_WEIGHTS], set, &e));
    int code = !ok ? complain(EXIT_USER, e.text) : set->info ? print_info(p, &c) : 0;
    lrt_container_close(&c);
    return code;
}

int main(int argc, char **argv)
{
    Settings set = {0};
    /* clang-format off */
    lrt_option table[] = {
        {"inputs", 0, LRT_OPT_TEXT, &set.inputs, "FILE", "safetensors with the graph's inputs, by name", 0, 0, NULL, false},
        {"outputs", 0, LRT_OPT_TEXT, &set.outputs, "FILE", "where to write the outputs, as safetensors", 0, 0, NULL, false},
        {"repeat", 0, LRT_OPT_INT, &set.repeat, "N", "N timed runs after a warm-up; prints one line of JSON", 1, 1000000, NULL, false},
        {"threads", 't', LRT_OPT_INT, &set.threads, "N", "default: one per physical core", 1, 4096, NULL, false},
        {"info", 0, LRT_OPT_BOOL, &set.info, NULL, "print what this program was made from, its inputs and outputs", 0, 0, NULL, false},
        {"help", 'h', LRT_OPT_BOOL, &set.help, NULL, "this page", 0, 0, NULL, false},
    };
    /* clang-format on */
    const int n = sizeof table / sizeof *table;
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    lrt_error e;
    if (argc > 0)
        program = slash ? slash + 1 : argv[0];
    lrt_streams_begin();
    lrt_output_guard();
    lrt_crash_guard(program, lrt_output_remove_all);
    if (!lrt_options_parse(table, n, argc, argv, &e))
        return complain(EXIT_USAGE, e.text);
    if (set.help)
        return print_help(table, n);
    if (!set.info && (!set.inputs || (!set.outputs && !set.repeat)))
        return complain(EXIT_USAGE,
                        "expected --inputs FILE and --outputs FILE; --info lists their tensors");
    return use_program(&latentrt_program, &set);
}
