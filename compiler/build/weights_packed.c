/* See weights_packed.h. `weights convert --to packed` writes such a file, `weights list` describes
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "section_hash.h"
#include "weights_packed.h"
#include "build.h"
#include "write_program.h"
#include "vocab.h"
#include "container.h"
#include "progress.h"
#include "err.h"
#include "utf8.h"

void packed_write(const char *spec, const char *pipeline, const char *out, PipelineFlags f,
                  const char *vocab)
{
    Build b;
    Arena *a = arena_new();
    size_t vocab_bytes = 0;
    double start = lrt_now();
    const CodeFlags otherwise = CODE_DEFAULTS;
    const char **into[] = {&f.code.conv, &f.code.dtype, &f.code.target, &f.code.optimize,
                           &f.code.cache};
    const char *const from[] = {otherwise.conv, otherwise.dtype, otherwise.target,
                                otherwise.optimize, otherwise.cache};
    for (size_t i = 0; i < sizeof into / sizeof into[0]; i++)
        *into[i] = *into[i] ? *into[i] : from[i];
    const char **specs = arena_alloc(a, ((size_t)f.weights.specs.n + 1) * sizeof *specs);
    specs[0] = spec;
    for (int i = 0; i < f.weights.specs.n; i++)
        specs[i + 1] = f.weights.specs.items[i];
    f.weights.specs = (FlagList){specs, f.weights.specs.n + 1};
    f.sizes = sizes_parse(f.sizes_text, NULL);
    build_open(&b, pipeline, &f, NULL);
    void *blob = vocab ? vocab_load(vocab, &vocab_bytes) : NULL;
    build_lower(&b, pipeline);
    write_packed(
        b.program, b.sources,
        &(ProgramFiles){
            .path = out, .about = build_about(a, &b), .vocab = blob, .vocab_bytes = vocab_bytes});
    note("%s: %.1f MB, %.1f s; for generators of layout %016llx", out,
         (double)b.program->weights_bytes / 1e6, lrt_now() - start,
         (unsigned long long)program_layout_hash(b.program));
    build_close(&b);
    free(blob);
    arena_free(a);
}

/* The lines that describe a file, as it has them. */
static void print_about(const char *spec, const char *text, size_t n)
{
    lrt_put_plain(stdout, spec, strlen(spec));
    fputs(": ", stdout);
    for (const char *end = text + n, *stop; text < end; text = stop + (stop < end)) {
        stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        lrt_put_plain(stdout, text, (size_t)(stop - text));
        if (stop < end)
            putchar('\n');
    }
}

bool packed_list(const char *spec)
{
    enum { MOST = 1 << 16 };
    Arena *a = arena_new();
    lrt_footer f;
    lrt_error e;
    const lrt_container_file file = {.path = spec, .what = arena_printf(a, "%s:", spec)};
    struct stat st; /* a pipe is not waited for */
    FILE *in = !stat(spec, &st) && S_ISREG(st.st_mode) ? fopen(spec, "rb") : NULL;
    char *text = arena_alloc(a, MOST + 1);
    size_t n = in ? fread(text, 1, MOST, in) : 0, magic = strlen(LRT_PACKED);
    if (in)
        fclose(in);
    bool packed = n > magic && !memcmp(text, LRT_PACKED, magic);
    if (packed && !lrt_footer_read(&file, &f, &e))
        err("%s", e.text);
    const lrt_section *s = packed ? f.sections : NULL,
                      *about = packed ? &s[LRT_SECTION_ABOUT] : NULL;
    if (packed && (about->offset || about->bytes > n || about->bytes < magic ||
                   lrt_hash_section(text, about->bytes) != about->hash))
        err("%s: its description was changed", spec);
    if (packed) {
        print_about(spec, text + strlen("latentc "), about->bytes - strlen("latentc "));
        printf(
            "layout    %016llx: of the generators that it fits\nnumbers   %016llx, %.1f MB\nvocab     %s\n",
            (unsigned long long)f.layout_hash, (unsigned long long)s[LRT_SECTION_WEIGHTS].hash,
            (double)s[LRT_SECTION_WEIGHTS].bytes / 1e6,
            s[LRT_SECTION_VOCAB].bytes ? "here" : "in the generator");
    }
    arena_free(a);
    return packed;
}
