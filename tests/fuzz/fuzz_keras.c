/* .keras archives: the zip archive, Keras' JSON in it, the weights in it, and the graph held
 * against the weights. The first byte is z: an archive follows; or s, d: config.json, a NUL and
 * model.weights.h5 follow, of which an archive with right checksums is made, stored or deflated. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "archive.h"
#include "checkpoint.h"
#include "fuzz.h"
#include "graphfile.h"
#include "keras.h"
#include "verify.h"
#include "weights.h"
#include "zip_write.h"

enum { MOST_CONFIG = 1 << 20, LARGE = 1 << 20 };

static Graph *read_graph(const Buf *zip)
{
    size_t n;
    Archive *z = archive_from_memory("fuzz", zip->data, zip->len);
    const char *text = archive_text(z, "config.json", MOST_CONFIG, &n);
    Json root = json_parse_python(text, n, "fuzz");
    Graph *g = graph_from_json(root, NULL, 0);
    json_free(root);
    archive_close(z);
    graph_verify(g, "parse");
    return g;
}

static void read_weights(const Buf *zip, const Graph *g)
{
    Arena *a = arena_new();
    Checkpoint *c = arena_alloc(a, sizeof *c);
    *c = (Checkpoint){.arena = a, .spec = "fuzz", .path = "fuzz"};
    open_keras_archive_image(c, zip->data, zip->len);
    checkpoint_sort(c);
    if (!c->scheme || !c->taken_for || !c->why)
        die("an archive is opened and not understood");
    for (size_t i = 0; i < c->n; i++) {
        const Stored *t = &c->tensors[i];
        if (t->data || t->dtype == ST_OTHER || t->bytes > LARGE)
            continue;
        void *numbers = xmalloc(t->bytes);
        c->read(c, t, numbers);
        free(numbers);
    }
    if (g) {
        WeightSource *w = weights_from(c, g->name);
        WeightFit fit = weights_fit(w, g, a);
        if (fit.n_missing > fit.n)
            die("more weights are missing than there are");
        weights_close(w);
    }
    checkpoint_close(c);
}

/* The graph of the archive; NULL: it is none. The guard is off while err() is caught. */
static Graph *graph_or_none(const Buf *zip)
{
    jmp_buf here;
    Graph *volatile g = NULL;
    int code = setjmp(here);
    if (!code) {
        err_catch(&here);
        g = read_graph(zip);
    }
    err_catch(NULL);
    if (code == EXIT_BUG || (code && !*err_text()))
        die("%s", err_text());
    return g;
}

static Buf archive_of(const uint8_t *data, size_t size)
{
    Buf zip = {0};
    const uint8_t *end = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (*data == 'z' || !end) {
        buf_add(&zip, data + 1, size - 1);
        return zip;
    }
    const ZipEntry entries[] = {
        {.name = "metadata.json", .data = "{}", .n = 2},
        {.name = "config.json", .data = data + 1, .n = (size_t)(end - data) - 1},
        {.name = "model.weights.h5",
         .data = end + 1,
         .n = size - (size_t)(end - data) - 1,
         .deflated = *data == 'd'},
    };
    zip_write(&zip, entries, sizeof entries / sizeof entries[0]);
    return zip;
}

#if defined(LATENTC_LIBFUZZER) || defined(__SANITIZE_ADDRESS__)
static Buf archive;
static Graph *graph;

static void weights_body(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    read_weights(&archive, graph);
}

/* In this process: the sanitizer says more than a signal. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    archive = archive_of(data, size);
    graph = graph_or_none(&archive);
    fuzz_catch(weights_body, data, size);
    if (graph)
        graph_free(graph);
    buf_free(&archive);
    return 0;
}
#else
/* libhdf5 crashes on damaged files: each input has a process of its own, as in fuzz_h5. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int status;
    pid_t child = size ? fork() : -1;
    if (!child) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        Buf zip = archive_of(data, size);
        read_weights(&zip, graph_or_none(&zip));
        _exit(EXIT_OK);
    }
    if (size && (child < 0 || waitpid(child, &status, 0) != child))
        abort();
    if (size && (!WIFEXITED(status) || WEXITSTATUS(status) > EXIT_USER))
        abort();
    return 0;
}
#endif
