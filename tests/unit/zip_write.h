/* Zip archives for tests, right ones and wrong ones: written byte by byte, not by libzip. */
#ifndef LATENTC_TESTS_ZIP_WRITE_H
#define LATENTC_TESTS_ZIP_WRITE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* One entry. What is 0 has its right value. */
typedef struct {
    const char *name;
    const void *data;
    size_t n;
    /* compressed by zlib */
    bool deflated;
    /* what the archive claims instead */
    uint16_t flags, method;
    uint32_t size, packed_size, crc, offset;
} ZipEntry;

/* Appends an archive of n entries; buf_free frees it. */
void zip_write(Buf *out, const ZipEntry *entries, size_t n);
#endif
