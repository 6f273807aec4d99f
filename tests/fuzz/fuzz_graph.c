/* Graph files: what is read must be valid, survive all passes, and be the same graph after printing
 * and parsing. */
#include "fuzz.h"
#include "graphfile.h"
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

static void body(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    Json root = json_parse(text, size, "fuzz");
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
