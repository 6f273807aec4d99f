#include "plans.h"
#include "spacing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

lrt_schedule schedule(double start, double end, bool scaled)
{
    lrt_schedule s;
    const lrt_schedule_config c = {
        .train_steps = 1000, .beta_start = start, .beta_end = end, .beta_schedule = scaled};
    assert_true(lrt_schedule_init(&s, &c));
    return s;
}

lrt_sampling plan(const char *name, const lrt_schedule *c, int steps, int spacing, double alpha)
{
    lrt_sampling s = {
        .sampler = lrt_sampler_find(name),
        .schedule = c,
        .config = {.train_steps = c->train_steps, .spacing = spacing, .final_alpha = 1},
        .steps = steps,
        .alpha = alpha,
        .n = N};
    lrt_error e;
    assert_non_null(s.sampler);
    assert_true(lrt_sampling_plan(&s, &e));
    return s;
}
