/* Synthetic weights against recorded bits; safetensors files, good and bad; weight sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats.h"
#include "safetensors.h"
#include "schemes.h"
#include "weights.h"
#include "stored.h"
#include "err.h"
#include "alloc.h"
#include "outfile.h"

static char path[64]; /* the file that the tests write */

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/latentc-weights-%ld.safetensors", (long)getpid());
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* Values of the definition, computed once by an independent program (numpy). */
/* clang-format off */
static const struct { uint64_t seed; const char *model, *path; Shape shape; int64_t index; uint32_t bits; } recorded[] = {
    {1, "diffusion_model", "down.conv_in.kernel", {4, {3, 3, 4, 320}}, 0, 0xbe19f4e3},
    {1, "diffusion_model", "down.conv_in.kernel", {4, {3, 3, 4, 320}}, 1, 0xbdc1b4b4},
    {1, "diffusion_model", "down.conv_in.kernel", {4, {3, 3, 4, 320}}, 5000, 0xbdf74c9a},
    {1, "diffusion_model", "down.conv_in.kernel", {4, {3, 3, 4, 320}}, 11519, 0xbe23509f},
    {1, "diffusion_model", "down.0.attn.0.block.attn1.to_q.kernel", {2, {320, 320}}, 0, 0xbda94e82},
    {1, "diffusion_model", "down.0.attn.0.block.attn1.to_q.kernel", {2, {320, 320}}, 77, 0xbd19f929},
    {1, "diffusion_model", "down.0.attn.0.block.attn1.to_q.kernel", {2, {320, 320}}, 102399, 0x3dd2c783},
    {1, "diffusion_model", "down.0.attn.0.block.attn2.to_k.kernel", {2, {1024, 320}}, 0, 0x3d3b8daa},
    {1, "diffusion_model", "down.0.attn.0.block.attn2.to_k.kernel", {2, {1024, 320}}, 327679, 0xbd7d563b},
    {1, "text_encoder", "layers.0.attn.to_q.kernel", {2, {64, 64}}, 0, 0xbdd278f6},
    {1, "text_encoder", "layers.0.attn.to_q.kernel", {2, {64, 64}}, 4095, 0xbdb93b92},
    {2, "diffusion_model", "time.dense1.bias", {1, {1280}}, 0, 0xbbfd135a},
    {2, "diffusion_model", "time.dense1.bias", {1, {1280}}, 1279, 0xbd1bfe9a},
    {1, "decoder", "x.norm.gamma", {1, {512}}, 0, 0x3f94f64a},
    {1, "decoder", "x.norm.gamma", {1, {512}}, 255, 0x3f994ee3},
    {1, "decoder", "x.norm.gamma", {1, {512}}, 511, 0x3f8052ce},
    {18446744073709551615u, "decoder", "x.norm.beta", {1, {512}}, 0, 0x3bb44233},
    {18446744073709551615u, "decoder", "x.norm.beta", {1, {512}}, 511, 0x3d08e4bd},
    {1, "text_encoder", "embed.token.embeddings", {2, {49408, 64}}, 0, 0xbd1ef83b},
    {1, "text_encoder", "embed.token.embeddings", {2, {49408, 64}}, 3162111, 0xbc6d0c87},
};
/* clang-format on */

static void synthetic(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        uint32_t bits;
        float *w = xmalloc((size_t)shape_count(&recorded[i].shape) * sizeof *w);
        synthetic_weight(recorded[i].seed, recorded[i].model, recorded[i].path, &recorded[i].shape,
                         w);
        memcpy(&bits, &w[recorded[i].index], sizeof bits);
        if (bits != recorded[i].bits)
            fail_msg("%s[%lld] is 0x%08x, expected 0x%08x", recorded[i].path,
                     (long long)recorded[i].index, bits, recorded[i].bits);
        free(w);
    }
}

/* A file of this header and n bytes of data. */
static void write_file(const char *header, const void *data, size_t n)
{
    unsigned char length[8] = {0};
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)strlen(header) >> 8 * i);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(length, 1, 8, f);
    fwrite(header, 1, strlen(header), f);
    fwrite(data, 1, n, f);
    fclose(f);
}

/* Expects that the statement ends in err() with a message that contains `words`. */
#define EXPECT_ERR(statement, words)                                      \
    do {                                                                  \
        jmp_buf here;                                                     \
        if (setjmp(here) == 0) {                                          \
            err_catch(&here);                                             \
            statement;                                                    \
            err_catch(NULL);                                              \
            fail_msg("no error; expected \"%s\"", words);                 \
        }                                                                 \
        err_catch(NULL);                                                  \
        if (!strstr(err_text(), words))                                   \
            fail_msg("found \"%s\", expected \"%s\"", err_text(), words); \
    } while (0)

#define F32(name, shape, offsets) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
/* clang-format off */
static const struct { const char *header; size_t data; const char *message; } bad[] = {
    {"", 0, "byte 8: expected '{', found the end of the header"},
    {"[]", 0, "byte 8: expected '{', found '['"},
    {"{} x", 0, "byte 11: expected nothing after the header's '}', found 'x'"},
    {"{\"a\":1}", 0, "byte 13: expected '{', found '1'"},
    {"{\"a\":{\"dtype\":\"F32\"}}", 0, "tensor \"a\": \"shape\" is missing"},
    {"{\"a\":{\"dtype\":\"F33\"}}", 0, "tensor \"a\": \"shape\" is missing"},
    {"{\"a\":{\"color\":red}}", 0, "byte 22: expected a value, found 'r'"},
    {"{\"a\":{\"color\":[[{\"b\":-}]]}}", 0, "expected a value, found '-'"},
    {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,9]}}", 8, "tensor \"a\" ends at byte 9 of the data"},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, "expected 2 bytes by its shape and dtype"},
    {"{\"a\":{\"shape\":[-1]}}", 0, "expected a number (whole, not negative), found '-'"},
    {"{\"a\":{\"shape\":[1.5]}}", 0, "expected ',' or ']', found '.'"},
    {"{\"a\":{\"shape\":[99999999999999999999]}}", 0, "expected a number below 2^59"},
    {"{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", 0, "more than 8 dimensions"},
    {"{\"a\\q\":1}", 0, "expected an escape"},
    {"{\"a", 0, "expected '\"', found the end of the header"},
    {"{\"__metadata__\":{\"k\":nul}}", 0, "expected a value, found 'n'"},
    {"{" F32("a", "[4294967296,4294967296]", "[0,8]") "}", 8, "a shape whose size overflows"},
    {"{" F32("a", "[2]", "[0,8]") "}", 4, "tensor \"a\" ends at byte 8 of the data, but the file has only 4: truncated?"},
    {"{" F32("a", "[3]", "[0,8]") "}", 8, "tensor \"a\" has data_offsets [0,8], expected 12 bytes"},
    {"{" F32("a", "[1]", "[8,4]") "}", 8, "tensor \"a\" has data_offsets [8,4], expected 4 bytes"},
    {"{" F32("a", "[2]", "[0,8]") "," F32("b", "[2]", "[4,12]") "}", 12, "tensors \"a\" and \"b\" overlap at byte 4"},
    {"{" F32("a", "[1]", "[0,4]") "," F32("b", "[1]", "[8,12]") "}", 12, "bytes 4 to 8 of the data, before tensor \"b\""},
    {"{" F32("a", "[1]", "[0,4]") "}", 7, "3 bytes follow the last tensor's"},
    {"{" F32("a", "[1]", "[0,4]") "," F32("a", "[1]", "[4,8]") "}", 8, "bytes 0 to 4 of the data, before tensor \"a\", belong to no tensor"},
};
/* clang-format on */

static void bad_headers(void **state)
{
    (void)state;
    static const char zeros[64];
    for (volatile size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) { /* EXPECT_ERR jumps */
        write_file(bad[i].header, zeros, bad[i].data);
        EXPECT_ERR(st_open(path), bad[i].message);
    }
}

/* Headers as programs in Python write them: what nobody needs is passed over, of a name that is
 * there twice the last one counts. */
static void lax_headers(void **state)
{
    (void)state;
    static const char zeros[64];
    write_file("{\"__metadata__\":null," F32("a", "[1]", "[0,4]") "}", zeros, 4);
    StFile *f = st_open(path);
    assert_int_equal(f->n, 1);
    st_close(f);
    write_file(
        "{\"__metadata__\":{\"a\":1,\"b\":\"x\",\"c\":{\"d\":[NaN,-Infinity,null,{}]},\"b\":\"\\ud800y\"}}",
        zeros, 0);
    f = st_open(path);
    assert_string_equal(st_meta(f, "b"), "\xef\xbf\xbdy");
    assert_null(st_meta(f, "a"));
    st_close(f);
    write_file(
        "{" F32(
            "a", "[9]",
            "[0,4]") ",\"b\":{\"dtype\":\"F33\",\"shape\":[5],\"data_offsets\":[4,6],"
                     "\"extra\":{\"k\":[1.5e-3,true]}},\"a\":{\"dtype\":\"I8\",\"dtype\":\"F16\",\"shape\":[7,7],"
                     "\"shape\":[2],\"data_offsets\":[9,9],\"data_offsets\":[0,4]}}",
        zeros, 6);
    EXPECT_ERR(st_open(path), "tensor \"a\" has data_offsets [0,4], expected 36 bytes");
    write_file(
        "{" F32(
            "a", "[1]",
            "[0,4]") ",\"b\":{\"dtype\":\"F33\",\"shape\":[5],\"data_offsets\":[4,6],"
                     "\"extra\":{\"k\":[1.5e-3,true]}},\"a\":{\"dtype\":\"I8\",\"dtype\":\"F16\",\"shape\":[7,7],"
                     "\"shape\":[2],\"data_offsets\":[9,9],\"data_offsets\":[0,4]}}",
        zeros, 6);
    f = st_open(path);
    assert_int_equal(f->n, 2);
    assert_int_equal(st_find(f, "a")->dtype, ST_F16);
    assert_int_equal(st_find(f, "a")->dim[0], 2);
    assert_int_equal(st_find(f, "b")->dtype, ST_OTHER);
    assert_string_equal(st_find(f, "b")->type, "F33");
    st_close(f);
}

/* Every number of 8 bits there is, against PyTorch's (data/float8.txt, made by
 * recorded/record_float8.py). */
static void eights(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DATA_DIR "/float8.txt", "r");
    assert_non_null(f);
    unsigned bits, wanted[2];
    int n = 0;
    while (fscanf(f, "%x %x %x", &bits, &wanted[0], &wanted[1]) == 3) {
        const StDtype types[] = {ST_F8_E4M3, ST_F8_E5M2};
        for (int i = 0; i < 2; i++) {
            unsigned char byte = (unsigned char)bits;
            float found = stored_value(types[i], &byte, 0), want;
            memcpy(&want, &wanted[i], sizeof want);
            if (isnan(want))
                assert_true(isnan(found));
            else
                assert_memory_equal(&found, &want, sizeof want);
        }
        n++;
    }
    fclose(f);
    assert_int_equal(n, 256);
}

static void bad_files(void **state)
{
    (void)state;
    EXPECT_ERR(st_from_memory("m", "\1\0\0", 3), "m: has 3 bytes, expected a safetensors file");
    EXPECT_ERR(st_from_memory("m", "\20\0\0\0\0\0\0\0{}", 10),
               "m: header of 16 bytes, but the file has only 10");
    EXPECT_ERR(st_from_memory("m", "\0\0\0\7\0\0\0\0{}", 10),
               "header of 117440512 bytes, expected at most 104857600");
    EXPECT_ERR(st_open("/nonexistent/x.safetensors"), "cannot be read: No such file or directory");
    EXPECT_ERR(st_open("/tmp"), "/tmp: not a file");
}

static void write_and_read(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4, 5, 6}, one[] = {7};
    const int32_t ids[] = {-1, 49407};
    const StOut out[] = {{"b/\"q\"", DT_F32, {2, {2, 3}}, a},
                         {"a", DT_I32, {1, {2}}, ids},
                         {"c", DT_F32, {1, {1}}, one}};
    const char *meta[] = {"k", "line\nend", "empty", ""};
    st_write(path, out, 3, meta, 2);
    StFile *f = st_open(path);
    assert_int_equal(f->n, 3);
    assert_int_equal(f->n_meta, 2);
    assert_string_equal(f->meta[0].value, "line\nend");
    const StTensor *t = st_find(f, "b/\"q\"");
    assert_non_null(t);
    assert_int_equal(t->rank, 2);
    assert_int_equal(t->dim[1], 3);
    assert_memory_equal(t->data, a, sizeof a);
    assert_int_equal((uintptr_t)t->data % 8, 0);
    assert_int_equal(st_find(f, "a")->dtype, ST_I32);
    assert_memory_equal(st_find(f, "a")->data, ids, sizeof ids);
    assert_null(st_find(f, "d"));
    st_close(f);
}

static void escapes(void **state)
{
    (void)state;
    write_file("{\"__metadata__\":{\"\\u00e9\\ud83d\\ude00\\t\":\"\\/\"}}", "", 0);
    StFile *f = st_open(path);
    assert_string_equal(f->meta[0].key, "\xc3\xa9\xf0\x9f\x98\x80\t");
    assert_string_equal(f->meta[0].value, "/");
    st_close(f);
}

static void conversions(void **state)
{
    (void)state;
    /* 1, -2, smallest subnormal, largest; 1, -3; 0.1 */
    const unsigned char data[] = {0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b, 0x80, 0x3f,
                                  0x40, 0xc0, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f};
    write_file("{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]},"
               "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]},"
               "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[12,20]}}",
               data, sizeof data);
    WeightSource *w = weights_open(path, "m");
    float h[4], b[2], d[1];
    weights_read(w, "h", &(Shape){1, {4}}, h);
    weights_read(w, "b", &(Shape){1, {2}}, b);
    weights_read(w, "d", &(Shape){1, {1}}, d);
    assert_true(h[0] == 1 && h[1] == -2 && h[2] == 0x1p-24f && h[3] == 65504 && b[0] == 1 &&
                b[1] == -3 && d[0] == 0.1f);
    weights_close(w);
}

/* A graph m with the weights a [2] and b [1,2]. */
static Graph *small_graph(void)
{
    Graph *g = graph_new("m");
    graph_add_weight(g, "a", shape1(2));
    graph_add_weight(g, "b", shape2(1, 2));
    return g;
}

static void check_file(const char *header, size_t n)
{
    static const float data[16];
    write_file(header, data, n);
    WeightSource *w = weights_open(path, "m");
    Graph *g = small_graph();
    weights_check(w, g);
    graph_free(g);
    weights_close(w);
}

static void checks(void **state)
{
    (void)state;
    check_file("{" F32("a", "[2]", "[0,8]") "," F32("b", "[1,2]", "[8,16]") "}", 16);
    check_file("{" F32("m/a", "[2]", "[0,8]") "," F32("m/b", "[1,2]", "[8,16]") "," F32(
                   "n/c", "[1]", "[16,20]") "}",
               20);
    EXPECT_ERR(check_file("{" F32("a", "[2]", "[0,8]") "}", 8),
               "1 of m's 2 weights missing, the first is \"b\"");
    EXPECT_ERR(check_file("{" F32("a", "[2]", "[0,8]") "," F32("b", "[1,2]", "[8,16]") "," F32(
                              "c", "[1]", "[16,20]") "}",
                          20),
               "1 tensor unknown to m, the first is \"c\"; expected its 2 weights alone");
    EXPECT_ERR(check_file("{" F32("a", "[2]", "[0,8]") "," F32("b", "[2,1]", "[8,16]") "}", 16),
               "tensor \"b\" has shape (2,1), expected (1,2)");
    EXPECT_ERR(check_file("{\"a\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}," F32(
                              "b", "[1,2]", "[8,16]") "}",
                          16),
               "tensor \"a\" has dtype I32, expected F32, F16, BF16, F64, F8_E4M3 or F8_E5M2");
    EXPECT_ERR(weights_open("synthetic:-1", "m"), "expected a number");
    EXPECT_ERR(weights_open("synthetic:", "m"), "expected a number");
    EXPECT_ERR(weights_open("synthetic:18446744073709551616", "m"), "expected a number");
}

static void not_finite(void **state)
{
    (void)state;
    const uint32_t bits[] = {0x3f800000, 0x7f800000, 0x7fc00000};
    const Shape all = shape1(3), first = shape1(1);
    float out[3];
    write_file("{" F32("a", "[3]", "[0,12]") "}", bits, sizeof bits);
    WeightSource *w = weights_open(path, "m");
    EXPECT_ERR(weights_read(w, "a", &all, out), "tensor \"a\": value 1 of 3 is infinite");
    EXPECT_ERR(weights_read(w, "a", &first, out), "tensor \"a\" has shape (3), expected (1)");
    EXPECT_ERR(weights_read(w, "z", &first, out), "tensor \"z\" is missing");
    weights_close(w);
}

/* Every half there is, to f32 and back; and rounding to nearest even between two of them. */
static void halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t half = (uint16_t)h, back;
        float f = stored_value(ST_F16, &half, 0);
        int exponent = (int)(h >> 10 & 31), mantissa = (int)(h & 1023);
        if (exponent == 31) {
            assert_true(mantissa ? f != f
                                 : f == (h & 0x8000 ? -__builtin_inff() : __builtin_inff()));
            continue;
        }
        double value = exponent ? (1024 + mantissa) * pow(2, exponent - 25)
                                : mantissa * pow(2, -24);
        assert_true(f == (float)(h & 0x8000 ? -value : value));
        assert_int_equal(stored_encode(ST_F16, &f, 1, &back), -1);
        assert_int_equal(back, half);
        if (exponent == 30 && mantissa == 1023)
            continue;
        uint16_t next = (uint16_t)(h + 1);
        float middle = (float)((double)f / 2 + (double)stored_value(ST_F16, &next, 0) / 2),
              above = nextafterf(middle, h & 0x8000 ? -1e9f : 1e9f);
        stored_encode(ST_F16, &middle, 1, &back);
        assert_int_equal(back, h & 1 ? next : half); /* to the even one */
        stored_encode(ST_F16, &above, 1, &back);
        assert_int_equal(back, next);
    }
    const float big[] = {1, 65519, 65520};
    uint16_t out[3];
    assert_int_equal(stored_encode(ST_F16, big, 3, out), 2);
    assert_int_equal(out[1], 0x7bff);
    const float brain[] = {1, 1.00390625f, 1.01171875f, 3.3895314e38f, 3.4e38f};
    uint16_t two[5];
    assert_int_equal(stored_encode(ST_BF16, brain, 5, two), 4);
    assert_true(two[0] == 0x3f80 && two[1] == 0x3f80 && two[2] == 0x3f82 && two[3] == 0x7f7f);
}

/* (out, in, taps) to (taps, in, out) and back, sizes around those of tiles, rows further apart than
 * they are long; the first bad number is found. */
static void transposes(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},  {31, 129, 1}, {32, 128, 1}, {33, 127, 9},
                                       {65, 3, 9}, {130, 33, 1}, {2, 300, 4}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int64_t out = sizes[k][0], in = sizes[k][1], taps = sizes[k][2], n = out * in * taps,
                stride = out + 5, first = 7;
        float *src = xcalloc((size_t)(first + n), sizeof *src),
              *dst = xcalloc((size_t)(in * taps * stride), sizeof *dst);
        float *dense = xcalloc((size_t)n, sizeof *dense), *back = xcalloc((size_t)n, sizeof *back);
        for (int64_t i = 0; i < n; i++)
            src[first + i] = (float)i;
        const StoredNumbers from = {ST_F32, src, first};
        const KernelShape shape = {out, in, taps};
        assert_int_equal(stored_transpose(&from, shape, dst, stride), -1);
        for (int64_t t = 0; t < taps; t++)
            for (int64_t i = 0; i < in; i++)
                for (int64_t o = 0; o < out; o++)
                    assert_true(dst[(t * in + i) * stride + o] == (float)((o * in + i) * taps + t));
        stored_transpose(&from, shape, dense, out);
        stored_restore(dense, shape, back);
        assert_memory_equal(back, src + first, (size_t)n * sizeof *back);
        src[first + n - 1] = src[first + n / 2] = __builtin_nanf("");
        assert_int_equal(stored_transpose(&from, shape, dense, out), first + n / 2);
        assert_int_equal(stored_rows(&from, out, in * taps, dst, in * taps), first + n / 2);
        free(src);
        free(dst);
        free(dense);
        free(back);
    }
}

/* A file that is cut short while it is mapped: one line, exit code 1. */
static void cut_short(void **state)
{
    (void)state;
    static const float zeros[1 << 16];
    char header[128], said[256] = "";
    snprintf(header, sizeof header, "{" F32("a", "[65536]", "[0,262144]") "}");
    write_file(header, zeros, sizeof zeros);
    int pipes[2], status = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        float *out = xmalloc(sizeof zeros);
        dup2(pipes[1], STDERR_FILENO);
        signal(SIGBUS, SIG_DFL); /* cmocka has a handler of its own */
        WeightSource *w = weights_open(path, "m");
        if (truncate(path, 4096))
            _exit(99);
        weights_read(w, "a", &(Shape){1, {1 << 16}}, out);
        _exit(0);
    }
    close(pipes[1]);
    ssize_t n = read(pipes[0], said, sizeof said - 1);
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(n > 0 && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_string_equal(said, "latentc: error: a file became shorter while it was read\n");
}

/* A file that is written to while it is mapped is found out before an output gets its name; one
 * that is replaced is not looked at. */
static void written_to(void **state)
{
    (void)state;
    static const float zeros[4];
    char header[128], other[300];
    jmp_buf caught;
    snprintf(other, sizeof other, "%s.other", path);
    snprintf(header, sizeof header, "{" F32("a", "[4]", "[0,16]") "}");
    for (int what = 0; what < 4; what++) {
        write_file(header, zeros, sizeof zeros);
        StFile *f = st_open(path);
        OutFile *out = outfile_open(other);
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
        if (what == 1)
            assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        if (what == 2)
            assert_int_equal(truncate(path, 4096), 0);
        if (what == 3) {
            assert_int_equal(unlink(path), 0);
            write_file(header, zeros, sizeof zeros);
        }
        volatile bool refused = false;
        if (setjmp(caught)) {
            refused = true;
        } else {
            err_catch(&caught);
            outfile_commit(out, 0644);
        }
        err_catch(NULL);
        assert_int_equal(refused, what == 1 || what == 2);
        assert_int_equal(access(other, F_OK), refused ? -1 : 0);
        if (refused) {
            assert_non_null(strstr(err_text(), "was changed while it was read"));
            outfile_discard(out);
        }
        unlink(other);
        st_close(f);
        readings_check(); /* of nothing */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synthetic),   cmocka_unit_test(bad_headers),
        cmocka_unit_test(lax_headers), cmocka_unit_test(eights),
        cmocka_unit_test(bad_files),   cmocka_unit_test(write_and_read),
        cmocka_unit_test(escapes),     cmocka_unit_test(conversions),
        cmocka_unit_test(checks),      cmocka_unit_test(not_finite),
        cmocka_unit_test(halves),      cmocka_unit_test(transposes),
        cmocka_unit_test(cut_short),   cmocka_unit_test(written_to),
    };
    return cmocka_run_group_tests_name("weights", tests, make_path, remove_path);
}
