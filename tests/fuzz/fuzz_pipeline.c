/* Pipeline files, beside the graphs of graphs/sd2 so that references to them resolve. */
#include "fuzz.h"
#include "pipeline.h"
#include "alloc.h"

static void body(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    Json root = json_parse(text, size, "fuzz");
    Pipeline *p = pipeline_from_json(root, SOURCE_DIR "/graphs/sd2/pipeline.json", NULL, 0);
    json_free(root);
    free(text);
    arena_free(p->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
