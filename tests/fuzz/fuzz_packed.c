/* Containers (packed weights, generators). The input is a list of changes of a small container:
 *
 *   1 byte:       1: the hashes are mended afterwards, so that changes get further than that
 *   4 bytes each: which part, where in it (two bytes), and what the byte is combined with
 *
 * Refused with a reason, or its sections can be read to their ends, and a vocabulary in it opens or
 * is refused. */
#include "fuzz.h"
#include "alloc.h"
#include "container.h"
#include "container_write.h"
#include "files.h"
#include "hash.h"
#include "section_hash.h"
#include "tokenizer.h"
#include "vocab_build.h"
#include <stdio.h>
#include <unistd.h>

static const char *own_name(void)
{
    static char name[64];
    snprintf(name, sizeof name, "/tmp/fuzz-packed-%d", (int)getpid());
    return name;
}

static const char *file_with(const void *data, size_t size)
{
    FILE *f = fopen(own_name(), "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        die("%s: cannot be written", own_name());
    return own_name();
}

static void fill(Container *c, void *context)
{
    (void)context;
    container_write(c, "weights weights weights weights", 32);
}

typedef struct {
    uint8_t *data;
    size_t bytes;
    lrt_footer footer;
} Base;

/* The container that is changed. */
static const Base *base(void)
{
    static Base b;
    lrt_error e;
    size_t bytes;
    if (b.data)
        return &b;
    void *vocab = lrt_vocab_build(SOURCE_DIR "/graphs/shapes/merges.txt", NULL, &bytes, &e);
    if (!vocab)
        die("%s", e.text);
    OutFile *o = outfile_open(own_name());
    container_finish(o, 1234,
                     &(ContainerParts){.about = LRT_PACKED "name fuzz\n",
                                       .weights = fill,
                                       .vocab = vocab,
                                       .vocab_bytes = bytes});
    outfile_commit(o, 0644);
    free(vocab);
    b.data = (uint8_t *)read_file(own_name(), &b.bytes);
    memcpy(&b.footer, b.data + b.bytes - sizeof b.footer, sizeof b.footer);
    return &b;
}

/* Applies one change. Returns the new length of the container. */
static size_t change(const Base *b, uint8_t *data, size_t n, const uint8_t *edit)
{
    const lrt_section *vocab = &b->footer.sections[LRT_SECTION_VOCAB];
    size_t where = edit[1] | (size_t)edit[2] << 8;
    switch (edit[0] % 5) {
    case 0: where = b->bytes - sizeof b->footer + where % sizeof b->footer; break;
    case 1: where = vocab->offset + where % sizeof(lrt_vocab_header); break;
    case 2: where = vocab->offset + where % vocab->bytes; break;
    case 3: where = where * 4 % b->bytes; break;
    default: return where * 4 < n ? where * 4 : n;
    }
    if (where < n)
        data[where] ^= edit[3];
    return n;
}

static void mend(uint8_t *data, size_t size)
{
    lrt_footer f;
    if (size < sizeof f)
        return;
    memcpy(&f, data + size - sizeof f, sizeof f);
    f.file_bytes = size;
    for (int i = 0; i < LRT_SECTION_COUNT; i++) {
        lrt_section *s = &f.sections[i];
        if (s->offset < size && s->bytes <= size - s->offset)
            s->hash = lrt_hash_section(data + s->offset, s->bytes);
    }
    f.footer_hash = lrt_hash64(&f, offsetof(lrt_footer, footer_hash));
    memcpy(data + size - sizeof f, &f, sizeof f);
}

static void body(const uint8_t *data, size_t size)
{
    const Base *b = base();
    if (!size)
        return;
    uint8_t *copy = xmalloc(b->bytes);
    size_t n = b->bytes;
    memcpy(copy, b->data, n);
    for (size_t i = 1; i + 4 <= size; i += 4)
        n = change(b, copy, n, data + i);
    if (data[0] & 1)
        mend(copy, n);
    const lrt_container_file file = {file_with(copy, n), "fuzz", NULL, 1234, false};
    free(copy);
    lrt_container c;
    lrt_error e = {0};
    unsigned sum = 0;
    bool open = lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, LRT_MAP_WEIGHTS, &c, &e);
    if (!open && (strncmp(e.text, "fuzz ", 5) || strchr(e.text, '\n')))
        die("refused without a reason: %s", e.text);
    if (!open)
        return;
    for (int i = 0; i < LRT_SECTION_COUNT; i++)
        for (uint64_t k = 0; c.section[i] && k < c.footer.sections[i].bytes; k++)
            sum += ((const uint8_t *)c.section[i])[k];
    if (sum == UINT32_MAX)
        note("unlikely");
    lrt_vocab v;
    if (c.section[LRT_SECTION_VOCAB] &&
        lrt_vocab_open(c.section[LRT_SECTION_VOCAB], c.footer.sections[LRT_SECTION_VOCAB].bytes, &v,
                       &e)) {
        lrt_tokens tokens = {0};
        lrt_tokenize(&v, "a red circle", &tokens, &e);
        free(tokens.ids);
    }
    lrt_container_close(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int r = fuzz_catch(body, data, size);
    unlink(own_name());
    return r;
}
