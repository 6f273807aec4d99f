/* flip_bit FILE SEED: flips one bit of the code of a generator, chosen by the seed, in place. The
 * same call flips it back. Prints its place: the offset, and the bit. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "container.h"

int main(int argc, char **argv)
{
    lrt_footer f;
    lrt_error e;
    if (argc != 3)
        return 2;
    if (!lrt_footer_read(&(lrt_container_file){argv[1], argv[1], NULL, 0}, &f, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    uint64_t z = strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    long at = (long)(z / 8 % f.sections[LRT_SECTION_CODE].bytes);
    FILE *file = fopen(argv[1], "r+b");
    int byte = file && !fseek(file, at, SEEK_SET) ? fgetc(file) : EOF;
    if (byte == EOF || fseek(file, at, SEEK_SET) || fputc(byte ^ 1 << z % 8, file) == EOF ||
        fclose(file)) {
        perror(argv[1]);
        return 1;
    }
    printf("%ld bit %d\n", at, (int)(z % 8));
    return 0;
}
