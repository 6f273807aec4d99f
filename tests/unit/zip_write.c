/* See zip_write.h. */
#include "zip_write.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "alloc.h"

/* ---- a folder's and an entry's numbers are little-endian ---- */

static void put(Buf *b, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add(b, &(char){(char)(v >> 8 * i)}, 1);
}

typedef struct {
    uint32_t offset, crc, packed;
    uint16_t method;
} Placed;

static uint32_t given(uint32_t claim, uint32_t right) { return claim ? claim : right; }

/* What both headers of an entry have. */
static void put_facts(Buf *b, const ZipEntry *e, const Placed *p)
{
    put(b, 20, 2); /* version needed */
    put(b, e->flags, 2);
    put(b, given(e->method, p->method), 2);
    put(b, 0x21 << 16, 4); /* 1980-01-01 */
    put(b, given(e->crc, p->crc), 4);
    put(b, given(e->packed_size, p->packed), 4);
    put(b, given(e->size, (uint32_t)e->n), 4);
    put(b, (uint32_t)strlen(e->name), 2);
    put(b, 0, 2); /* no extra field */
}

static void put_data(Buf *b, const ZipEntry *e, const void *data, Placed *p)
{
    p->offset = (uint32_t)b->len;
    put(b, 0x04034b50, 4);
    put_facts(b, e, p);
    buf_add(b, e->name, strlen(e->name));
    buf_add(b, data, p->packed);
}

static void put_entry(Buf *b, const ZipEntry *e, Placed *p)
{
    *p = (Placed){.crc = (uint32_t)crc32(0, e->data, (uInt)e->n), .packed = (uint32_t)e->n};
    if (!e->deflated) {
        put_data(b, e, e->data, p);
        return;
    }
    z_stream z = {0};
    deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    size_t room = deflateBound(&z, (uLong)e->n);
    unsigned char *packed = xmalloc(room);
    z.next_in = (unsigned char *)e->data;
    z.avail_in = (uInt)e->n;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    deflate(&z, Z_FINISH);
    p->packed = (uint32_t)z.total_out;
    p->method = 8;
    deflateEnd(&z);
    put_data(b, e, packed, p);
    free(packed);
}

void zip_write(Buf *b, const ZipEntry *entries, size_t n)
{
    Placed *placed = xcalloc(n + 1, sizeof *placed);
    for (size_t i = 0; i < n; i++)
        put_entry(b, &entries[i], &placed[i]);
    uint32_t begin = (uint32_t)b->len, end;
    for (size_t i = 0; i < n; i++) {
        put(b, 0x02014b50, 4);
        put(b, 20, 2); /* version made by */
        put_facts(b, &entries[i], &placed[i]);
        put(b, 0, 4); /* no comment, disk 0 */
        put(b, 0, 2);
        put(b, 0, 4); /* no attributes */
        put(b, given(entries[i].offset, placed[i].offset), 4);
        buf_add(b, entries[i].name, strlen(entries[i].name));
    }
    end = (uint32_t)b->len;
    put(b, 0x06054b50, 4);
    put(b, 0, 4);
    put(b, (uint32_t)n, 2);
    put(b, (uint32_t)n, 2);
    put(b, end - begin, 4);
    put(b, begin, 4);
    put(b, 0, 2);
    free(placed);
}
