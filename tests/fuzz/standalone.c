/* Runs a fuzz target without libFuzzer.
 *
 *   fuzz_X FOLDER...                                        every file of the folders; each also
 * cut short and with single bytes changed fuzz_X --seed S --first I --inputs N FOLDER...          N
 * inputs that are made from them fuzz_X --write FILE --seed S --first I FOLDER...        writes
 * input I
 *
 * An input that ends in a signal, or takes more than 120 seconds, is named: its seed and number. */
#include <signal.h>
#include <unistd.h>

#define FUZZ_STANDALONE
#include "fuzz.h"
#include "mutate.h"
#include "alloc.h"
#include "fnv.h"

enum { CHANGES = 64, SECONDS = 120 };

static uint64_t seed, number;
static const char *subject = "";

static void on_end(int sig)
{
    char text[512];
    int n = snprintf(text, sizeof text, "fuzz: signal %d%s: seed %llu, input %llu %s\n", sig,
                     sig == SIGALRM ? " (no end)" : "", (unsigned long long)seed,
                     (unsigned long long)number, subject);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)n);
    (void)ignored;
    signal(sig, SIG_DFL);
    raise(sig);
}

static void run(const uint8_t *data, size_t n)
{
    alarm(SECONDS);
    LLVMFuzzerTestOneInput(data, n);
    alarm(0);
}

static void run_near(const CorpusFile *f, long *runs)
{
    static const char special[] = "{}[]\",:0-e\\u%";
    size_t n = f->bytes;
    uint8_t *data = f->data;
    subject = f->path;
    run(data, n);
    for (uint64_t i = 0; i < CHANGES && n; i++) {
        size_t at = (size_t)(fnv1a64(&i, sizeof i, n) % n);
        uint8_t old = data[at],
                *copy = xmalloc(at + 1); /* exact size: a sanitizer sees reads past the end */
        number = i;
        memcpy(copy, data, at);
        run(copy, at);
        free(copy);
        if (i % 2)
            data[at] = (uint8_t)(old ^ 1u << i % 8);
        else
            data[at] = (uint8_t)special[i / 2 % (sizeof special - 1)];
        run(data, n);
        data[at] = old;
    }
    *runs += 1 + 2 * CHANGES;
}

static void write_input(const Corpus *c, const char *path)
{
    size_t n;
    uint8_t *data = corpus_input(c, seed, number, &n);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        err("%s: cannot be written", path);
    free(data);
}

static long run_inputs(const Corpus *c, uint64_t first, long inputs)
{
    for (number = first; number < first + (uint64_t)inputs; number++) {
        size_t n;
        uint8_t *data = corpus_input(c, seed, number, &n);
        run(data, n);
        free(data);
    }
    return inputs;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS, SIGALRM};
    Corpus c = {0};
    const char *write_to = NULL;
    uint64_t first = 0;
    long inputs = 0, runs = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = argv[i][0] == '-' && i + 1 < argc ? argv[i + 1] : NULL;
        if (!value)
            corpus_add(&c, argv[i]);
        else if (i++, !strcmp(argv[i - 1], "--seed"))
            seed = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i - 1], "--first"))
            first = number = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i - 1], "--inputs"))
            inputs = strtol(value, NULL, 10);
        else if (!strcmp(argv[i - 1], "--write"))
            write_to = value;
        else
            usage_err("unknown flag '%s'", argv[i - 1]);
    }
    if (!c.n)
        err("no files; usage: %s FOLDER...", argv[0]);
    if (write_to) {
        write_input(&c, write_to);
        return 0;
    }
#ifndef __SANITIZE_ADDRESS__ /* it says more than a signal */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_end);
#endif
    signal(SIGALRM, on_end);
    if (inputs)
        runs = run_inputs(&c, first, inputs);
    for (int i = 0; i < c.n && !inputs; i++)
        run_near(&c.files[i], &runs);
    printf("%ld runs\n", runs);
    return 0;
}
