/* The files that programs become: an executable or a shared object with packed weights and vocabulary at its end, or an archive with those in a file
 * beside it. See build.h; container.h has the format. */
#include "build.h"
#include "container.h"
#include "../runtime/progress.h"
#include <string.h>

typedef struct { Program *p; WeightSource *const *source; } Fill;
typedef struct { Container *c; lrt_progress bar; bool quiet; } Sink;
static void sink(void *user, const void *data, size_t n) {
    Sink *s = user;
    container_write(s->c, data, n);
    if (!s->quiet) lrt_progress_step(&s->bar, (int)((double)container_position(s->c) / 1e6));
}
static void fill(Container *c, void *context) {
    enum { LEAST = 100 << 20 }; /* less is over before a bar is seen */
    const Fill *f = context;
    Sink s = {.c = c, .quiet = f->p->quiet || f->p->weights_bytes < LEAST};
    lrt_progress_begin_bytes(&s.bar, "packing weights", (double)f->p->weights_bytes);
    program_pack(f->p, f->source, sink, &s);
    if (!s.quiet) lrt_progress_end(&s.bar);
}

static OutFile *write_object(Program *p, const char *path) {
    LLVMMemoryBufferRef object = program_emit(p, OUT_OBJ);
    OutFile *o = outfile_open(path);
    outfile_write(o, LLVMGetBufferStart(object), LLVMGetBufferSize(object));
    fflush(outfile_stream(o));
    LLVMDisposeMemoryBuffer(object);
    return o;
}

const char *library_weights_path(Arena *a, const char *path) {
    size_t n = strlen(path);
    return arena_printf(a, "%.*s.weights", n > 2 && strcmp(path + n - 2, ".a") == 0 ? (int)n - 2 : (int)n, path);
}

void write_program(Program *p, WeightSource *const *source, const LinkOptions *link, ProgramKind kind, const void *vocab, size_t vocab_bytes,
                   const char *path) {
    Arena *a = arena_new();
    Fill f = {p, source};
    bool apart = kind == PROGRAM_ARCHIVE; /* an archive is no place for weights */
    OutFile *o = write_object(p, arena_printf(a, "%s.o", path)), *code = outfile_open(apart ? path : arena_printf(a, "%s.link", path));
    OutFile *out = outfile_open(apart ? library_weights_path(a, path) : path);
    link_program(p->target, link, kind, outfile_temp_path(o), outfile_temp_path(code));
    container_finish(out, apart ? NULL : outfile_temp_path(code), program_layout_hash(p), fill, &f, vocab, vocab_bytes);
    outfile_commit(out, apart ? 0644 : 0755);
    if (apart) outfile_commit(code, 0644);
    else outfile_discard(code);
    outfile_discard(o);
    arena_free(a);
}
