/* The text form of graphs. */
#include "fuzz.h"
#include "ir.h"
#include "listing.h"
#include "parse_text.h"
#include "print.h"
#include "alloc.h"

static void body(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    Graph *g = graph_parse_text(text, "fuzz");
    Buf out = {0};
    graph_print_text(g, &out);
    graph_print_json(g, &out);
    graph_print_dot(g, &out);
    buf_free(&out);
    graph_free(g);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
