/* Vocabularies: a merges file, or, where the first byte is a brace, a tokenizer.json. Refused with
 * a reason, or what it becomes opens, and every prompt's ids are its own. */
#include "fuzz.h"
#include "vocab.h"
#include "tokenizer.h"
#include <stdio.h>
#include <unistd.h>

/* Of a file of this process alone. */
static const char *name_for(const uint8_t *data, size_t size)
{
    static char name[64];
    snprintf(name, sizeof name, "/tmp/fuzz-vocab-%d.%s", (int)getpid(),
             size && data[0] == '{' ? "json" : "txt");
    return name;
}

static const char *file_with(const uint8_t *data, size_t size)
{
    const char *name = name_for(data, size);
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        die("%s: cannot be written", name);
    return name;
}

static void body(const uint8_t *data, size_t size)
{
    size_t bytes;
    lrt_vocab v;
    lrt_error e = {0};
    lrt_tokens tokens = {0};
    void *blob = vocab_load(file_with(data, size), &bytes);
    if (!lrt_vocab_open(blob, bytes, &v, &e))
        die("what was built does not open: %s", e.text);
    if (!lrt_tokenize(&v, "a red circle, 12 blau\xc3\xa9 \xf0\x9f\x8e\x88", &tokens, &e))
        die("no prompt can be read: %s", e.text);
    for (size_t i = 0; i < tokens.n; i++)
        if (tokens.ids[i] < 0 || (uint32_t)tokens.ids[i] >= v.header->n_tokens)
            die("id %d is not in the vocabulary", tokens.ids[i]);
    free(tokens.ids);
    free(blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int r = fuzz_catch(body, data, size);
    unlink(name_for(data, size));
    return r;
}
