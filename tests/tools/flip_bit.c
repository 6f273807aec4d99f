/* flip_bit FILE SEED [code|footer|any]: flips one bit of a container, chosen by the seed, in place:
 * of its code (default), of its footer, or any. The same call flips it back. Prints its place: the
 * offset, and the bit. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "container.h"

/* Flips one bit of the n bytes from `first`. */
static int flip(const char *path, uint64_t first, uint64_t n, const char *seed)
{
    uint64_t z = strtoull(seed, NULL, 10) * 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    long at = (long)(first + z / 8 % n);
    FILE *file = fopen(path, "r+b");
    int byte = file && !fseek(file, at, SEEK_SET) ? fgetc(file) : EOF;
    if (byte == EOF || fseek(file, at, SEEK_SET) || fputc(byte ^ 1 << z % 8, file) == EOF ||
        fclose(file)) {
        perror(path);
        return 1;
    }
    printf("%ld bit %d\n", at, (int)(z % 8));
    return 0;
}

int main(int argc, char **argv)
{
    lrt_footer f;
    lrt_error e;
    const char *part = argc > 3 ? argv[3] : "code";
    if (argc < 3)
        return 2;
    struct stat st;
    if (strcmp(part, "any") == 0 || strcmp(part, "footer") == 0) {
        if (stat(argv[1], &st))
            return 1;
        uint64_t bytes = (uint64_t)st.st_size, n = *part == 'f' ? sizeof f : bytes;
        return flip(argv[1], bytes - n, n, argv[2]);
    }
    if (!lrt_footer_read(&(lrt_container_file){argv[1], argv[1], NULL, 0, false}, &f, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    return flip(argv[1], 0, f.sections[LRT_SECTION_CODE].bytes, argv[2]);
}
