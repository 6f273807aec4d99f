/* See exif.h. */
#include "exif.h"

int lrt_exif_orientation(const uint8_t *d, size_t n)
{
    if (n < 8 || !((d[0] == 'I' && d[1] == 'I') || (d[0] == 'M' && d[1] == 'M')))
        return 1;
    int little = d[0] == 'I';
#define U16(at) (little ? d[at] | d[(at) + 1] << 8 : d[at] << 8 | d[(at) + 1])
#define U32(at)                                                 \
    (little ? (uint32_t)U16(at) | (uint32_t)U16((at) + 2) << 16 \
            : (uint32_t)U16(at) << 16 | (uint32_t)U16((at) + 2))
    size_t at = U32(4);
    if (U16(2) != 42 || at > n - 2)
        return 1;
    int entries = U16(at);
    for (at += 2; entries-- > 0 && n - at >= 12;
         at += 12) /* an entry: tag 2, type 2, count 4, value 4 bytes */
        if (U16(at) == 0x0112 && U16(at + 2) == 3) {
            int v = U16(at + 8);
            return v >= 1 && v <= 8 ? v : 1;
        }
#undef U16
#undef U32
    return 1;
}
