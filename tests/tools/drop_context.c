/* drop_context FILE: takes the context of the empty prompt, its last section, out of a generator.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "hash.h"

int main(int argc, char **argv)
{
    static const char zeros[8];
    lrt_footer f;
    lrt_error e;
    if (argc != 2)
        return 2;
    if (!lrt_footer_read(&(lrt_container_file){.path = argv[1], .what = argv[1]}, &f, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    lrt_section *context = &f.sections[LRT_SECTION_CONTEXT];
    if (!context->bytes) {
        fprintf(stderr, "%s has no context of the empty prompt\n", argv[1]);
        return 1;
    }
    uint64_t end = 0;
    for (int i = 0; i < LRT_SECTION_COUNT; i++)
        if (i != LRT_SECTION_CONTEXT && f.sections[i].offset + f.sections[i].bytes > end)
            end = f.sections[i].offset + f.sections[i].bytes;
    size_t padding = (size_t)(-end % 8);
    memset(context, 0, sizeof *context);
    f.file_bytes = end + padding + sizeof f;
    f.footer_hash = lrt_hash64(&f, offsetof(lrt_footer, footer_hash));
    FILE *file = truncate(argv[1], (off_t)end) ? NULL : fopen(argv[1], "ab");
    if (!file || fwrite(zeros, 1, padding, file) != padding || fwrite(&f, sizeof f, 1, file) != 1 ||
        fclose(file)) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
