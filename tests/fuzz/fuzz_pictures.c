/* Pictures to start from, PNG and JPEG: refused with a reason, or every pixel of the result set.
 * The first byte says how large the result is. */
#include "fuzz.h"
#include "exif.h"
#include "picture_in.h"
#include "alloc.h"

static void body(const uint8_t *data, size_t size)
{
    if (size < 2)
        return;
    int width = 8 * (1 + data[0] % 4), height = 8 * (1 + data[0] / 4 % 4);
    FILE *f = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "rb");
    uint8_t *out = xmalloc(
        (size_t)(width * height * 3)); /* the sanitizer watches what is not set */
    lrt_picture_about about;
    lrt_error e = {0};
    unsigned sum = 0;
    for (int use = LRT_PICTURE_RGB; use <= LRT_PICTURE_MASK; use++) {
        int n = width * height * (use == LRT_PICTURE_RGB ? 3 : 1);
        const lrt_picture_want want = {(lrt_picture_use)use, width, height};
        rewind(f);
        if (!lrt_picture_read_stream(f, "fuzz", &want, out, &about, &e)) {
            if (!*e.text || strchr(e.text, '\n'))
                die("refused without a reason, or with many");
            continue;
        }
        if (about.width < 1 || about.height < 1)
            die("a picture without pixels");
        for (int i = 0; i < n; i++)
            sum += out[i];
        for (int i = 0; use == LRT_PICTURE_MASK && i < n; i++)
            if (out[i] != 0 && out[i] != 255)
                die("a mask is neither black nor white");
    }
    if (sum == UINT32_MAX)
        note("unlikely");
    fclose(f);
    free(out);
    lrt_exif_orientation(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
