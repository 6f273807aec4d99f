/* See schedule_read.h. */
#include "schedule_read.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "arena.h"
#include "spacing.h"
#include "words.h"

/* FLAG: true is 1; NOT: true is 0; WORD: the index in `words`; INT and REAL: a number between the
 * limits. */
typedef enum { FLAG, NOT, WORD, INT, REAL } Kind;

/* A member, and the field of lrt_schedule_config that it sets. */
typedef struct {
    const char *name;
    Kind kind;
    size_t field;
    /* WORD: separated by spaces. */
    const char *words;
    double least, most;
    /* Without it: an error; else the field stays 0. */
    bool required;
} Member;

/* clang-format off */
#define TO(field) offsetof(lrt_schedule_config, field)
static const Member members[] = {
    {"train_steps", INT, TO(train_steps), NULL, 2, 100000, true},
    {"beta_start", REAL, TO(beta_start), NULL, 1e-9, 0.999, true},
    {"beta_schedule", WORD, TO(beta_schedule), "linear scaled_linear squaredcos_cap_v2", 0, 0, true},
    {"prediction", WORD, TO(prediction), "epsilon v", 0, 0, true},
    {"sigmas", WORD, TO(sigmas), "timesteps karras exponential lu", 0, 0, false},
    {"sigma_min", REAL, TO(sigma_min), NULL, 1e-9, 1e9, false},
    {"sigma_max", REAL, TO(sigma_max), NULL, 1e-9, 1e9, false},
    {"previous", WORD, TO(previous), "neighbour ratio", 0, 0, false},
    {"final_sigma", WORD, TO(final_sigma_least), "zero least", 0, 0, false},
    {"lower_order_final", NOT, TO(full_order_last), NULL, 0, 0, false},
    {"euler_at_final", FLAG, TO(euler_at_final), NULL, 0, 0, false},
    {"skip_prk_steps", NOT, TO(prk_steps), NULL, 0, 0, false},
    {"zero_snr", FLAG, TO(zero_snr), NULL, 0, 0, false},
    {"interpolation", WORD, TO(log_linear), "linear log_linear", 0, 0, false},
    {"timestep_type", WORD, TO(continuous), "discrete continuous", 0, 0, false},
    {"solver_order", INT, TO(solver_order), NULL, 1, 3, false},
    {"solver_type", WORD, TO(solver_type), "sampler heun bh1", 0, 0, false},
    {"algorithm_type", WORD, TO(noise_solver), "dpmsolver++ dpmsolver", 0, 0, false},
    {"predict_x0", NOT, TO(noise_unipc), NULL, 0, 0, false},
    {"variance_type", WORD, TO(variance), "fixed_small fixed_large", 0, 0, false},
    {"original_steps", INT, TO(original_steps), NULL, 1, 100000, false},
    {"timestep_scaling", REAL, TO(timestep_scaling), NULL, 1e-9, 1e9, false},
};
/* clang-format on */
enum { MEMBERS = sizeof members / sizeof members[0] };

/* Members that schedule_read reads by themselves. */
static const char *const others[] = {
    "beta_end",     "steps_offset",    "spacing",        "final_alpha",       "clip_sample",
    "thresholding", "threshold_ratio", "threshold_most", "disable_corrector", "lambda_min_clipped"};
enum { OTHERS = sizeof others / sizeof others[0] };

static double number_between(Json at, double least, double most)
{
    double v = json_number(at);
    if (!(v >= least && v <= most))
        json_err(at, "found %.15g, expected %.15g to %.15g", v, least, most);
    return v;
}

/* The index of the text at `at` among words with a space between them. */
static int word_at(Json at, const char *words)
{
    enum { MOST = 16 };
    const char *names[MOST];
    int n = 0;
    Arena *a = arena_new();
    for (const char *w = words; *w && n < MOST; w += strspn(w, " ")) {
        size_t k = strcspn(w, " ");
        names[n++] = arena_printf(a, "%.*s", (int)k, w);
        w += k;
    }
    int i = name_find(json_string(at), NAMES(names, n));
    if (i < 0)
        json_err(at, "unknown '%s': %s", json_string(at),
                 name_hint(json_string(at), NAMES(names, n)));
    arena_free(a);
    return i;
}

static void read_member(Json s, const Member *m, lrt_schedule_config *c)
{
    Json at = m->required ? json_need(s, m->name) : json_get(s, m->name);
    if (!json_ok(at))
        return;
    int32_t whole = 0;
    double number = 0;
    switch (m->kind) {
    case FLAG: whole = json_bool(at); break;
    case NOT: whole = !json_bool(at); break;
    case WORD: whole = word_at(at, m->words); break;
    case INT: whole = (int32_t)json_int(at, (int64_t)m->least, (int64_t)m->most); break;
    case REAL: number = number_between(at, m->least, m->most); break;
    }
    char *to = (char *)c + m->field;
    if (m->kind == REAL)
        memcpy(to, &number, sizeof number);
    else
        memcpy(to, &whole, sizeof whole);
}

/* An alpha, or "first": that of timestep 0. */
static double read_final_alpha(Json at)
{
    if (json_kind(at) != JSON_STRING)
        return number_between(at, 1e-9, 1);
    if (strcmp(json_string(at), "first") != 0)
        json_err(at, "found \"%s\", expected \"first\" or an alpha above 0, at most 1",
                 json_string(at));
    return 0;
}

/* The limit that x0 is clipped to: true is 1; "sampler": the sampler's own. */
static double read_clip(Json at)
{
    if (!json_ok(at))
        return 0;
    if (json_kind(at) == JSON_STRING) {
        if (strcmp(json_string(at), "sampler"))
            json_err(at, "found \"%s\", expected true, false, a number or \"sampler\"",
                     json_string(at));
        return LRT_CLIP_SAMPLER;
    }
    return json_kind(at) == JSON_NUMBER ? number_between(at, 1e-9, 1e9) : json_bool(at);
}

/* The spacings that the runtime has, and the sampler's own. */
static int read_spacing(Json at)
{
    Arena *a = arena_new();
    const char *words = "";
    for (int i = 0; i < lrt_spacing_count; i++)
        words = arena_printf(a, "%s%s ", words, lrt_spacings[i].name);
    int found = word_at(at, arena_printf(a, "%ssampler", words));
    arena_free(a);
    return found;
}

static void read_threshold(Json s, lrt_schedule_config *c)
{
    Json on = json_get(s, "thresholding"), ratio = json_get(s, "threshold_ratio"),
         most = json_get(s, "threshold_most");
    if (!json_ok(on) || !json_bool(on))
        return;
    c->threshold_ratio = json_ok(ratio) ? number_between(ratio, 1e-9, 1) : 0.995;
    c->threshold_most = json_ok(most) ? number_between(most, 1e-9, 1e9) : 1;
}

/* A list of steps, from 0, as a set of bits. */
static int64_t read_steps(Json at)
{
    int64_t set = 0;
    if (!json_ok(at))
        return 0;
    json_expect(at, JSON_ARRAY);
    for (Json e = json_first(at); json_ok(e); e = json_next(e))
        set |= (int64_t)1 << json_int(e, 0, 62);
    return set;
}

void schedule_read(Json s, lrt_schedule_config *c)
{
    const char *keys[MEMBERS + OTHERS];
    *c = (lrt_schedule_config){0};
    for (int i = 0; i < MEMBERS; i++)
        keys[i] = members[i].name;
    for (int i = 0; i < OTHERS; i++)
        keys[MEMBERS + i] = others[i];
    json_only(s, keys, MEMBERS + OTHERS);
    for (int i = 0; i < MEMBERS; i++)
        read_member(s, &members[i], c);
    Json lambda = json_get(s, "lambda_min_clipped"), offset = json_get(s, "steps_offset"),
         original = json_get(s, "original_steps");
    c->beta_end = number_between(json_need(s, "beta_end"), c->beta_start, 0.999);
    c->steps_offset = json_ok(offset) ? (int)json_int(offset, 0, c->train_steps - 1) : 0;
    if (json_ok(original))
        json_int(original, 1, c->train_steps);
    c->spacing = read_spacing(json_need(s, "spacing"));
    c->final_alpha = read_final_alpha(json_need(s, "final_alpha"));
    c->clip = read_clip(json_get(s, "clip_sample"));
    c->no_corrector = read_steps(json_get(s, "disable_corrector"));
    c->sigma_clipped = json_ok(lambda) ? exp(-number_between(lambda, -700, 700)) : 0;
    read_threshold(s, c);
    if (c->zero_snr && c->prediction == LRT_PREDICT_EPSILON)
        json_err(
            s,
            "\"zero_snr\" starts from nothing but noise, where a \"prediction\" of epsilon says nothing: expected v");
}
