/* See threads.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

enum { MOST_CPUS = 8192, PER_CPU = 4, MOST_PER_CORE = 8 };
typedef struct {
    cpu_set_t part[MOST_CPUS / CPU_SETSIZE];
} CpuSet;

/* False when the system does not tell. */
static bool allowed_cpus(CpuSet *s)
{
    return !sched_getaffinity(0, sizeof *s, s->part) && CPU_COUNT_S(sizeof *s, s->part) > 0;
}

int lrt_usable_cpus(void)
{
    CpuSet s;
    if (allowed_cpus(&s))
        return CPU_COUNT_S(sizeof s, s.part);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MOST_CPUS ? MOST_CPUS : (int)n;
}

enum { NO_LIMIT = 1 << 20 };

/* `limit` of each `period` of time, in cores, rounded up. */
static int cores_of(long limit, long period)
{
    if (limit <= 0 || period <= 0 || limit / period >= NO_LIMIT)
        return NO_LIMIT;
    return (int)(limit / period + (limit % period > 0));
}

/* The limit of one control group, whose folder is below /sys/fs/cgroup. */
static int quota_of(const char *group)
{
    char path[4096], text[64];
    long limit, period;
    if ((size_t)snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group) >= sizeof path ||
        !lrt_host_read(path, text, sizeof text) || sscanf(text, "%ld %ld", &limit, &period) != 2)
        return NO_LIMIT;
    return cores_of(limit, period);
}

/* The control groups' CPU limit, in cores: the least of the process's group and those around it. */
static int quota(void)
{
    char text[2048];
    int least = cores_of(lrt_host_number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 0), /* version 1 */
                         lrt_host_number("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 0)),
        here = quota_of("");
    least = here < least ? here : least;
    if (!lrt_host_read("/proc/self/cgroup", text, sizeof text))
        return least;
    char *group = strncmp(text, "0::/", 4) ? strstr(text, "\n0::/") : text;
    if (!group)
        return least;
    group = strchr(group, '/');
    group[strcspn(group, "\n")] = 0;
    for (char *end; (end = strrchr(group, '/')); *end = 0) {
        here = quota_of(group);
        least = here < least ? here : least;
    }
    return least;
}

/* A number that is the same for the CPUs of one core. Not known: a core of its own. */
static int64_t core_of(int cpu)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
    int64_t package = lrt_host_number(path, 0);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", cpu);
    int64_t core = lrt_host_number(path, -1);
    return core < 0 ? -1 - cpu : (package & 0xffff) << 32 | (core & 0xffffffff);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One thread per physical core: two hyper-threads share the multipliers and the first two caches,
 * so a second one only slows the first. */
int lrt_default_threads(void)
{
    CpuSet s;
    if (!allowed_cpus(&s))
        return 1;
    int64_t core[MOST_CPUS];
    int cpus = 0, cores = 0, limit = quota();
    for (int cpu = 0; cpu < MOST_CPUS; cpu++)
        if (CPU_ISSET_S((size_t)cpu, sizeof s, s.part))
            core[cpus++] = core_of(cpu);
    qsort(core, (size_t)cpus, sizeof *core, by_value);
    for (int i = 0; i < cpus; i++)
        cores += i == 0 || core[i] != core[i - 1];
    int n = cpus > MOST_PER_CORE * cores ? cpus
                                         : cores; /* some systems give every CPU one number */
    return n > limit ? limit : n;
}

/* ---- can they be started? ---- */

typedef struct {
    pthread_mutex_t gate; /* held while threads are started: they wait for it */
    pid_t *ids;
    atomic_int n;
} Waiting;

static void *wait_at_gate(void *user)
{
    Waiting *w = user;
    w->ids[atomic_fetch_add(&w->n, 1)] = (pid_t)syscall(SYS_gettid);
    pthread_mutex_lock(&w->gate);
    pthread_mutex_unlock(&w->gate);
    return NULL;
}

/* The kernel counts a thread for a moment after pthread_join: until its id is gone. */
static void wait_until_gone(const Waiting *w)
{
    for (int i = 0; i < w->n; i++)
        for (int tries = 0; tries < 10000 && !syscall(SYS_tgkill, getpid(), w->ids[i], 0); tries++)
            sched_yield();
}

/* How many of n threads, the caller's included, can be there at once. libgomp ends the program when
 * it cannot start one. */
static int startable(int n)
{
    pthread_t *thread = calloc((size_t)n, sizeof *thread);
    Waiting w = {PTHREAD_MUTEX_INITIALIZER, calloc((size_t)n, sizeof *w.ids), 0};
    int started = 0;
    pthread_mutex_lock(&w.gate);
    while (thread && w.ids && started < n - 1 &&
           !pthread_create(&thread[started], NULL, wait_at_gate, &w))
        started++;
    pthread_mutex_unlock(&w.gate);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    if (w.ids)
        wait_until_gone(&w);
    free(thread);
    free(w.ids);
    return started + 1;
}

static atomic_int chosen;

int lrt_threads(int64_t wanted, lrt_error *said)
{
    said->text[0] = 0;
    int cpus = lrt_usable_cpus(), n = PER_CPU * cpus;
    if (wanted <= 0)
        n = lrt_default_threads();
    else if (wanted <= n)
        n = (int)wanted;
    else
        lrt_fail(said, "%lld threads were wanted; %d are used, four for each CPU of this process",
                 (long long)wanted, n);
    int can = startable(n);
    if (can < n)
        lrt_fail(said,
                 "%lld threads were wanted; the system lets this process start only %d (ulimit -u)",
                 (long long)(wanted > 0 ? wanted : n), can);
    atomic_store(&chosen, can);
    return can;
}

int lrt_chosen_threads(void)
{
    lrt_error said;
    int n = atomic_load(&chosen);
    return n ? n : lrt_threads(0, &said);
}
