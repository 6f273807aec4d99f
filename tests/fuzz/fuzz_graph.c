/* Graph files: what is read must be valid, survive all passes, and be the same graph after printing
 * and parsing. Form feeds divide an input: the part after the first is the included file "1", and
 * so on. */
#include "fuzz.h"
#include "graphfile.h"
#include "include.h"
#include "parse_text.h"
#include "pass.h"
#include "print.h"
#include "verify.h"
#include "alloc.h"

static void check_text(const Graph *g)
{
    Buf first = {0}, second = {0};
    graph_print_text(g, &first);
    Graph *back = graph_parse_text(first.data, "printed");
    graph_print_text(back, &second);
    if (first.len != second.len || memcmp(first.data, second.data, first.len))
        die("the printed graph reads back as another");
    graph_free(back);
    buf_free(&first);
    buf_free(&second);
}

/* The included files of an input. */
typedef struct {
    const char *text;
    size_t len;
} Input;

static Json load_part(void *context, Json at, const char *path)
{
    const Input *in = context;
    const char *p = in->text, *end = in->text + in->len;
    for (int part = atoi(path); part > 0 && p; part--) {
        const char *feed = memchr(p, '\f', (size_t)(end - p));
        p = feed ? feed + 1 : NULL;
    }
    if (!p || p == in->text)
        json_err(at, "there is no part %s", path);
    const char *feed = memchr(p, '\f', (size_t)(end - p));
    return json_parse(p, (size_t)((feed ? feed : end) - p), path);
}

static void body(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    const char *feed = memchr(text, '\f', size);
    Json root = json_parse(text, feed ? (size_t)(feed - text) : size, "fuzz");
    Input in = {text, size};
    root = graph_include(root, load_part, &in);
    Graph *g = graph_from_json(root, NULL, 0);
    json_free(root);
    free(text);
    graph_verify(g, "parse");
    check_text(g);
    passes_run(g, FUSE_ALL, NULL, false);
    graph_verify(g, "passes");
    check_text(g);
    graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
