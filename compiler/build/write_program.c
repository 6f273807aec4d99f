/* See write_program.h. */
#include "write_program.h"
#include "codegen.h"
#include "empty_context.h"
#include "pack.h"
#include "container_write.h"
#include "progress.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    Program *p;
    WeightSource *const *source;
} Fill;
typedef struct {
    Container *c;
    lrt_progress bar;
    bool quiet;
} Sink;
static void sink(void *user, const void *data, size_t n)
{
    Sink *s = user;
    container_write(s->c, data, n);
    if (!s->quiet)
        lrt_progress_step(&s->bar, (int)((double)container_position(s->c) / 1e6));
}
static void fill(Container *c, void *context)
{
    enum { LEAST = 100 << 20 }; /* less is over before a bar is seen */
    const Fill *f = context;
    Sink s = {.c = c, .quiet = f->p->quiet || f->p->weights_bytes < LEAST};
    lrt_progress_begin_bytes(&s.bar, "packing weights", (double)f->p->weights_bytes);
    program_pack(f->p, f->source, sink, &s);
    if (!s.quiet)
        lrt_progress_end(&s.bar);
}

/* The object code on the way to that output. */
static OutFile *write_object(const Code *object, const char *of)
{
    OutFile *o = outfile_scratch(of, ".o");
    outfile_write(o, object->data, object->bytes);
    fflush(outfile_stream(o));
    return o;
}

/* A generator gets the context of the empty prompt. weights: the container that has them. */
static void add_empty_context(OutFile *out, OutFile *weights, const Program *p, const Code *object,
                              const ProgramFiles *w)
{
    size_t n;
    if (!p->pipeline || p->pipeline->text_encoder < 0 || !w->vocab)
        return;
    fflush(outfile_stream(weights));
    void *context = empty_context(&(GeneratorParts){.program = p,
                                                    .object = object,
                                                    .weights = outfile_temp_path(weights),
                                                    .vocab = w->vocab,
                                                    .vocab_bytes = w->vocab_bytes},
                                  &n);
    if (context)
        container_append(out, LRT_SECTION_CONTEXT, context, n);
    free(context);
}

const char *library_weights_path(Arena *a, const char *path)
{
    size_t n = strlen(path);
    return arena_printf(a, "%.*s.weights",
                        n > 2 && strcmp(path + n - 2, ".a") == 0 ? (int)n - 2 : (int)n, path);
}

/* A container of weights alone, not yet committed. */
static OutFile *packed(Program *p, WeightSource *const *source, const ProgramFiles *w)
{
    Fill f = {p, source};
    OutFile *out = outfile_open(w->path);
    container_finish(out, program_layout_hash(p),
                     &(ContainerParts){.about = w->about,
                                       .weights = fill,
                                       .context = &f,
                                       .vocab = w->vocab,
                                       .vocab_bytes = w->vocab_bytes});
    return out;
}

void write_packed(Program *p, WeightSource *const *source, const ProgramFiles *f)
{
    outfile_commit(packed(p, source, f), 0644);
}

void write_program(Program *p, WeightSource *const *source, const ProgramFiles *w)
{
    Fill f = {p, source};
    bool archive = w->kind == PROGRAM_ARCHIVE;
    Code object = program_emit(p, OUT_OBJ);
    OutFile *o = write_object(&object, w->path),
            *code = archive ? outfile_open(w->path) : outfile_scratch(w->path, ".link");
    OutFile *out = archive ? NULL : outfile_open(w->path), *weights = NULL;
    link_program(p->target, &w->link, w->kind, outfile_temp_path(o), outfile_temp_path(code));
    if (w->weights)
        weights = packed(p, source,
                         &(ProgramFiles){.path = w->weights,
                                         .about = w->about,
                                         .vocab = archive ? w->vocab : NULL,
                                         .vocab_bytes = archive ? w->vocab_bytes : 0});
    if (!archive) {
        ContainerParts parts = {.executable = outfile_temp_path(code),
                                .weights = weights ? NULL : fill,
                                .context = &f,
                                .vocab = w->vocab,
                                .vocab_bytes = w->vocab_bytes};
        container_finish(out, program_layout_hash(p), &parts);
        add_empty_context(out, weights ? weights : out, p, &object, w);
    }
    code_free(&object);
    if (weights)
        outfile_commit(weights, 0644);
    outfile_commit(archive ? code : out, archive ? 0644 : 0755);
    if (!archive)
        outfile_discard(code);
    outfile_discard(o);
}
