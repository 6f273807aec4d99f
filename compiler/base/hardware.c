/* See hardware.h. */
#include "hardware.h"
#include "err.h"
#include "host.h"
#include "threads.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* The text of a file about the cache with this index. */
static bool cache_text(int index, const char *what, char *out, size_t n)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
    return lrt_host_read(path, out, n);
}

/* CPUs in a list such as "0-3,8-11"; 1 where it makes no sense. */
static int count_cpus(const char *list)
{
    enum { MOST = 8192 };
    long n = 0;
    for (const char *p = list; *p >= '0' && *p <= '9';) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (first > MOST || last > MOST || last < first)
            return 1;
        n += last - first + 1;
        p = *end == ',' ? end + 1 : end;
    }
    return n < 1 || n > MOST ? 1 : (int)n;
}

/* "32K", "8M"; 0 where it is no size that a cache has. */
static int64_t cache_size(const char *text)
{
    const int64_t least = 1 << 10, most = (int64_t)4 << 30;
    char *unit;
    long long n = strtoll(text, &unit, 10);
    if (n < 0 || n > most)
        return 0;
    n <<= *unit == 'K' ? 10 : *unit == 'M' ? 20 : *unit == 'G' ? 30 : 0;
    return n < least || n > most ? 0 : n;
}

Cache cache_find(int level)
{
    char text[256];
    for (int i = 0; i < 16; i++) {
        if (!cache_text(i, "level", text, sizeof text) || atoi(text) != level ||
            !cache_text(i, "type", text, sizeof text) || strncmp(text, "Instruction", 11) == 0 ||
            !cache_text(i, "size", text, sizeof text) || cache_size(text) == 0)
            continue;
        int64_t bytes = cache_size(text);
        return (Cache){bytes,
                       cache_text(i, "shared_cpu_list", text, sizeof text) ? count_cpus(text) : 1};
    }
    return (Cache){0, 1};
}

int64_t cache_last_bytes(void)
{
    int64_t most = 0;
    for (int level = 1; level <= 4; level++) {
        int64_t bytes = cache_find(level).bytes;
        most = bytes > most ? bytes : most;
    }
    return most ? most : (int64_t)32 << 20;
}

/* CPUID's own text; "" where it has none. */
static void cpuid_name(char out[49])
{
    memset(out, 0, 49);
#if defined(__x86_64__)
    for (unsigned i = 0; i < 3; i++) {
        unsigned r[4];
        if (!__get_cpuid(0x80000002 + i, &r[0], &r[1], &r[2], &r[3]))
            break;
        memcpy(out + 16 * i, r, sizeof r);
    }
#endif
}

/* The value of the line "model name : ..." of /proc/cpuinfo; NULL where there is none. */
static const char *model_name(char *text)
{
    for (char *line = text; line && *line;
         line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        size_t length = strcspn(line, "\n");
        char *colon = memchr(line, ':', length);
        if (strncmp(line, "model name", 10) || !colon)
            continue;
        line[length] = 0;
        return colon + 1;
    }
    return NULL;
}

void cpu_name(char *out, size_t n)
{
    char text[4096], own[49];
    const char *name = lrt_host_read("/proc/cpuinfo", text, sizeof text) ? model_name(text) : NULL;
    if (!name && lrt_host_read("/sys/firmware/devicetree/base/model", text, sizeof text))
        name = text;
    cpuid_name(own);
    name = name ? name : own;
    while (isspace((unsigned char)*name))
        name++;
    size_t length = strlen(name);
    while (length && isspace((unsigned char)name[length - 1]))
        length--;
    snprintf(out, n, "%.*s", length ? (int)length : 7, length ? name : "unknown");
}

int threads_to_use(int64_t wanted)
{
    lrt_error said;
    int n = lrt_threads(wanted, &said);
    if (*said.text)
        note("note: %s", said.text);
    return n;
}
