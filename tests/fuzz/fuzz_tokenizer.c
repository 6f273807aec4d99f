/* Prompts: any bytes. Every id must be one of the vocabulary's, and the first and last the
 * specials. */
#include "fuzz.h"
#include "tokenizer.h"
#include "alloc.h"
#include "vocab_build.h"

static const lrt_vocab *vocabulary(void)
{
    static lrt_vocab v;
    static void *blob;
    lrt_error e;
    size_t bytes;
    if (blob)
        return &v;
    blob = lrt_vocab_build(SOURCE_DIR "/graphs/shapes/merges.txt", NULL, &bytes, &e);
    if (!blob || !lrt_vocab_open(blob, bytes, &v, &e))
        die("%s", e.text);
    return &v;
}

static void body(const uint8_t *data, size_t size)
{
    const lrt_vocab *v = vocabulary();
    lrt_tokens tokens = {0};
    lrt_error e = {0};
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    bool done = lrt_tokenize(v, text, &tokens, &e);
    if (!done && !*e.text)
        die("refused without a reason");
    if (done && (tokens.n < 2 || tokens.ids[0] != (int32_t)v->header->start ||
                 tokens.ids[tokens.n - 1] != (int32_t)v->header->end))
        die("not between the specials");
    for (size_t i = 0; done && i < tokens.n; i++)
        if (tokens.ids[i] < 0 || (uint32_t)tokens.ids[i] >= v->header->n_tokens)
            die("id %d is not in the vocabulary", tokens.ids[i]);
    free(tokens.ids);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
