/* Caches, names and numbers of threads where /sys and /proc are missing, zero or odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hardware.h"
#include "host.h"
#include "threads.h"

#define CPU0 "/sys/devices/system/cpu/cpu0"
static char root[] = "/tmp/latentc-root.XXXXXX";

/* Writes a file below the root, and its folders. */
static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + sizeof root; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        mkdir(full, 0777);
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void cache(int index, const char *level, const char *type, const char *size,
                  const char *cpus)
{
    char path[128];
    const struct {
        const char *name, *text;
    } files[] = {{"level", level}, {"type", type}, {"size", size}, {"shared_cpu_list", cpus}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, CPU0 "/cache/index%d/%s", index, files[i].name);
        put(path, files[i].text);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    char name[96], path[4096];
    for (int level = 0; level < 5; level++) {
        Cache c = cache_find(level);
        assert_int_equal(c.bytes, 0);
        assert_int_equal(c.sharing, 1);
    }
    assert_int_equal(cache_last_bytes(), 32 << 20);
    cpu_name(name, sizeof name);
    assert_true(*name && *name != ' ');
    assert_true(lrt_default_threads() >= 1 && lrt_default_threads() <= lrt_usable_cpus());
    assert_true(lrt_host_program_path(path, sizeof path)); /* without /proc */
    assert_non_null(strstr(path, "test_hardware"));
    assert_true(lrt_host_file_of_code((const void *)(uintptr_t)test_nothing, path, sizeof path));
    assert_non_null(strstr(path, "test_hardware"));
}

static void test_odd_caches(void **state)
{
    (void)state;
    cache(0, "1", "Data", "32K\n", "0-1\n");
    cache(1, "1", "Instruction", "64K\n", "0-1\n");
    cache(2, "2", "Unified", "1M\n", "0-3,8-11\n");
    cache(3, "3", "Unified", "0K\n", "0-3\n"); /* no L3 */
    assert_int_equal(cache_find(1).bytes, 32 << 10);
    assert_int_equal(cache_find(2).bytes, 1 << 20);
    assert_int_equal(cache_find(2).sharing, 8);
    assert_int_equal(cache_find(3).bytes, 0);
    assert_int_equal(cache_last_bytes(), 1 << 20);
    /* clang-format off */
    static const struct { const char *size, *cpus; int64_t bytes; int sharing; } odd[] = {
        {"", "", 0, 1}, {"-1K", "0-1", 0, 1}, {"9999999999999999999999M", "0-1", 0, 1}, {"huge", "0-1", 0, 1}, {"12", "0-1", 0, 1},
        {"8M", "3-1", 8 << 20, 1}, {"8M", "0-999999999999", 8 << 20, 1}, {"8M", "x", 8 << 20, 1}, {"8M", "5", 8 << 20, 1},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        cache(3, "3", "Unified", odd[i].size, odd[i].cpus);
        assert_int_equal(cache_find(3).bytes, odd[i].bytes);
        assert_int_equal(cache_find(3).sharing, odd[i].sharing);
    }
}

static void test_names(void **state)
{
    (void)state;
    char name[96];
    put("/sys/firmware/devicetree/base/model", "Raspberry Pi 4 Model B Rev 1.4");
    cpu_name(name, sizeof name);
    assert_string_equal(name, "Raspberry Pi 4 Model B Rev 1.4");
    put("/proc/cpuinfo", "processor\t: 0\nmodel name\t:\nmodel name\t: A CPU \n");
    cpu_name(name, sizeof name);
    assert_true(*name && strchr(name, '\n') == NULL);
    put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: A CPU \nflags\t: fpu\n");
    cpu_name(name, sizeof name);
    assert_string_equal(name, "A CPU");
    put("/proc/cpuinfo", "model name"); /* no colon, no end of line */
    cpu_name(name, sizeof name);
    assert_string_equal(name, "Raspberry Pi 4 Model B Rev 1.4");
}

static void test_threads(void **state)
{
    (void)state;
    int cpus = lrt_usable_cpus();
    lrt_error said;
    put(CPU0 "/topology/core_id", "junk");
    assert_true(lrt_default_threads() >= 1 && lrt_default_threads() <= cpus);
    /* clang-format off */
    static const struct { const char *text; bool one; } quotas[] = {
        {"max 100000\n", false}, {"", false}, {"0 0\n", false}, {"-5 100000\n", false}, {"100000 0\n", false}, {"99999999999999999999 1\n", false},
        {"50000 100000\n", true}, {"100000 100000\n", true},
    };
    /* clang-format on */
    int all = lrt_default_threads();
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        put("/sys/fs/cgroup/cpu.max", quotas[i].text);
        assert_int_equal(lrt_default_threads(), quotas[i].one ? 1 : all);
    }
    put("/sys/fs/cgroup/cpu.max",
        "max 100000\n"); /* the group's own limit, and that of one around it */
    put("/proc/self/cgroup", "1:cpu:/x\n0::/a.slice/b\n");
    assert_int_equal(lrt_default_threads(), all);
    put("/sys/fs/cgroup/a.slice/cpu.max", "100000 100000\n");
    assert_int_equal(lrt_default_threads(), 1);
    put("/proc/self/cgroup", "0::/");
    assert_int_equal(lrt_default_threads(), all);
    put("/proc/self/cgroup", "nonsense");
    assert_int_equal(lrt_default_threads(), all);
    assert_int_equal(lrt_threads(4 * cpus, &said), 4 * cpus);
    assert_string_equal(said.text, "");
    assert_int_equal(lrt_threads(1000 * cpus, &said), 4 * cpus);
    assert_non_null(strstr(said.text, "four for each CPU"));
    assert_int_equal(lrt_chosen_threads(), 4 * cpus);
}

int main(void)
{
    if (!mkdtemp(root))
        return 1;
    setenv("LATENTC_SYSTEM_ROOT", root, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_odd_caches),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command) || failed;
}
