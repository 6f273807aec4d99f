/* Header and layout of safetensors files; what is accepted must be inside of the file. */
#include "fuzz.h"
#include "safetensors.h"

static void body(const uint8_t *data, size_t size)
{
    StFile *f = st_from_memory("fuzz", data, size);
    uint64_t sum = 0;
    for (size_t i = 0; i < f->n; i++) {
        const StTensor *t = &f->tensors[i];
        if (st_find(f, t->name) != t)
            die("a tensor is not found by its name");
        for (size_t k = 0; k < t->bytes; k++)
            sum += ((const uint8_t *)t->data)[k]; /* the sanitizer watches the bounds */
    }
    if (sum == UINT64_MAX)
        note("unlikely");
    st_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
