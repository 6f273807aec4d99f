/* See unet_levels.h. */
#include "unet_levels.h"

#include <string.h>

/* ---- reading ---- */

/* The list's kinds of blocks: 1 where the kind is `cross`, 0 where it is `plain`. */
static Levels read_kinds(Json config, const char *key, const char *cross, const char *plain, int n)
{
    Json list = json_need(config, key);
    Levels l = {0};
    json_expect(list, JSON_ARRAY);
    if (json_count(list) != n)
        json_err(list, "found %d blocks, expected %d, as block_out_channels has", json_count(list),
                 n);
    for (Json e = json_first(list); json_ok(e); e = json_next(e)) {
        bool is_cross = !strcmp(json_string(e), cross);
        if (!is_cross && strcmp(json_string(e), plain))
            json_err(e, "found \"%s\", but latentc's graphs have %s and %s", json_string(e), cross,
                     plain);
        l.of[l.n++] = is_cross;
    }
    return l;
}

/* Up blocks are listed from the coarsest level. */
static Levels reversed(Levels l)
{
    Levels r = {.n = l.n};
    for (int i = 0; i < l.n; i++)
        r.of[i] = l.of[l.n - 1 - i];
    return r;
}

static Levels same(int n, int64_t value)
{
    Levels l = {.n = n};
    for (int i = 0; i < n; i++)
        l.of[i] = value;
    return l;
}

static Levels read_numbers(Json config, const char *key, int n, int64_t otherwise)
{
    Json j = config_get(config, key);
    return json_ok(j) ? config_levels(j, n) : same(n, otherwise);
}

/* only_cross_attention: transformers at these levels attend to the prompt alone. */
static void read_cross(Json config, UnetLevels *u)
{
    Json j = config_get(config, "only_cross_attention");
    bool list = json_ok(j) && json_kind(j) == JSON_ARRAY;
    if (list && json_count(j) != u->widths.n)
        json_err(j, "found %d levels, expected %d, as block_out_channels has", json_count(j),
                 u->widths.n);
    Json e = list ? json_first(j) : j;
    for (int i = 0; i < u->widths.n && json_ok(j); i++) {
        int64_t times = json_bool(e) ? 2 : 1;
        u->down.of[i] *= times;
        u->up.of[i] *= times;
        e = list ? json_next(e) : e;
    }
}

/* null is a model without a middle; a config without the member means the usual one. */
static int read_mid(Json config)
{
    static const char *const kinds[] = {"", "UNetMidBlock2D", "UNetMidBlock2DCrossAttn"};
    Json j = json_get(config, "mid_block_type");
    if (!json_ok(j))
        return 2;
    if (json_kind(j) == JSON_NULL)
        return 0;
    for (int i = 1; i <= 2; i++)
        if (!strcmp(json_string(j), kinds[i]))
            return i;
    json_err(j, "found \"%s\", but latentc's graphs have %s, %s, or null: no middle",
             json_string(j), kinds[2], kinds[1]);
}

UnetLevels unet_levels_read(Json config)
{
    UnetLevels u = {.widths = config_levels(json_need(config, "block_out_channels"), 0)};
    int n = u.widths.n;
    u.down = read_kinds(config, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D", n);
    u.up = reversed(read_kinds(config, "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D", n));
    u.blocks = read_numbers(config, "layers_per_block", n, 2);
    u.depths = read_numbers(config, "transformer_layers_per_block", n, 1);
    u.mid = read_mid(config);
    read_cross(config, &u);
    return u;
}

/* ---- parameters of the graph ---- */

int unet_levels_attention(const UnetLevels *u)
{
    int n = u->widths.n;
    while (n > 0 && !u->down.of[n - 1] && !u->up.of[n - 1])
        n--;
    return n;
}

static bool equal(const Levels *a, const Levels *b)
{
    return a->n == b->n && !memcmp(a->of, b->of, (size_t)a->n * sizeof *a->of);
}

/* `one` where all levels have the same number, else the list. */
static void set_numbers(Json to, const char *one, const char *list, const Levels *l)
{
    Levels first = same(l->n, l->of[0]);
    if (equal(l, &first))
        json_set_int(to, one, l->of[0]);
    else
        json_set_ints(to, list, l->of, l->n);
}

void unet_levels_set(const UnetLevels *u, Json to)
{
    int n = u->widths.n, attention = unet_levels_attention(u);
    Levels first = same(n, 0);
    for (int i = 0; i < attention; i++)
        first.of[i] = 1;
    json_set_ints(to, "widths", u->widths.of, n);
    set_numbers(to, "blocks", "level_blocks", &u->blocks);
    set_numbers(to, "depth", "depths", &u->depths);
    json_set_int(to, "attention_levels", attention);
    if (!equal(&u->down, &first))
        json_set_ints(to, "attention", u->down.of, n);
    if (!equal(&u->up, &u->down))
        json_set_ints(to, "up_attention", u->up.of, n);
    if (u->mid != 2)
        json_set_int(to, "mid_blocks", u->mid);
}

/* ---- names ---- */

const char *unet_levels_name(const UnetLevels *u)
{
    /* Levels, res blocks per level, attention per level as digits (on both ways), the middle. */
    static const struct {
        const char *attention;
        int64_t blocks;
        int mid;
        const char *name;
    } known[] = {
        {"1110", 2, 2, ""},           {"1110", 1, 2, "BK-SDM base"}, {"1110", 1, 0, "BK-SDM small"},
        {"111", 1, 0, "BK-SDM tiny"}, {"211", 1, 0, "SDXS-512-0.9"}, {"011", 1, 0, "SDXS-512"},
    };
    char digits[MOST_LEVELS + 1] = "";
    Levels blocks = same(u->blocks.n, u->blocks.of[0]), ones = same(u->depths.n, 1);
    for (int i = 0; i < u->down.n; i++)
        digits[i] = (char)('0' + u->down.of[i]);
    bool plain = equal(&u->down, &u->up) && equal(&u->blocks, &blocks) && equal(&u->depths, &ones);
    for (size_t i = 0; i < sizeof known / sizeof known[0] && plain; i++)
        if (!strcmp(known[i].attention, digits) && known[i].blocks == u->blocks.of[0] &&
            known[i].mid == u->mid)
            return known[i].name;
    return "another form";
}
