/* The caches of the CPU, as Linux describes them: see caches.h. */
#include "caches.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of a file about the cache with this index, without what follows the first line. */
static bool cache_text(int index, const char *what, char *out, size_t n)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool ok = fgets(out, (int)n, f) != NULL;
    fclose(f);
    return ok;
}

/* CPUs in a list such as "0-3,8-11". */
static int count_cpus(const char *list)
{
    int n = 0;
    for (const char *p = list; *p >= '0' && *p <= '9';) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        n += (int)(last - first) + 1;
        p = *end == ',' ? end + 1 : end;
    }
    return n > 0 ? n : 1;
}

Cache cache_find(int level)
{
    char text[256];
    for (int i = 0; i < 16 && cache_text(i, "level", text, sizeof text); i++) {
        if (atoi(text) != level || !cache_text(i, "type", text, sizeof text) ||
            strncmp(text, "Instruction", 11) == 0)
            continue;
        if (!cache_text(i, "size", text, sizeof text))
            continue;
        char *unit;
        int64_t bytes = strtoll(text, &unit, 10) * (*unit == 'K'   ? 1 << 10
                                                    : *unit == 'M' ? 1 << 20
                                                                   : 1);
        return (Cache){bytes,
                       cache_text(i, "shared_cpu_list", text, sizeof text) ? count_cpus(text) : 1};
    }
    return (Cache){0, 1};
}
