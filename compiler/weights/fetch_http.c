/* One download: resumed, checked, renamed. See fetch.h. */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdio.h>
#include <stdint.h>

#include "alloc.h"
#include "err.h"
#include "fetch.h"
#include "progress.h"

enum { TRIES = 4, RUN = 1 << 20, MOVES = 1 << 16 };

typedef struct {
    const char *address, *part, *what;
    int64_t most, patience;
    int fd;           /* of the .part file */
    EVP_MD_CTX *hash; /* of its first `have` bytes */
    int64_t have;
    int64_t total;                    /* of the whole file, as the server says; -1: it does not */
    int64_t range_begin, range_total; /* of Content-Range; -1: none */
    bool resumed;                     /* some bytes are from an earlier request */
    bool started;                     /* this response's first bytes are here */
    bool bar_begun;
    bool too_long;   /* more than `most` bytes come, or are announced */
    bool stalled;    /* no progress for `patience` seconds */
    int write_error; /* errno */
    double moved;    /* lrt_now() when it last had MOVES bytes more */
    int64_t moved_have;
    CURL *curl;
    lrt_progress bar;
} Download;

/* ---- sha256 ---- */

static EVP_MD_CTX *hash_new(void)
{
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    CHECK(h && EVP_DigestInit_ex(h, EVP_sha256(), NULL));
    return h;
}

static void hash_hex(EVP_MD_CTX *h, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    CHECK(EVP_DigestFinal_ex(h, digest, &n) && n == 32);
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(h);
}

/* Adds bytes begin.. of the file to the hash; returns where the file ends. */
static int64_t hash_rest(EVP_MD_CTX *h, int fd, int64_t begin, const char *path)
{
    unsigned char *run = xmalloc(RUN);
    for (ssize_t n; (n = pread(fd, run, RUN, begin)) != 0; begin += n) {
        if (n < 0)
            err("%s: cannot be read: %s", path, strerror(errno));
        CHECK(EVP_DigestUpdate(h, run, (size_t)n));
    }
    free(run);
    return begin;
}

void fetch_sha256(const char *path, char hex[65])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err("%s: cannot be read: %s", path, strerror(errno));
    EVP_MD_CTX *h = hash_new();
    hash_rest(h, fd, 0, path);
    hash_hex(h, hex);
    close(fd);
}

/* ---- the .part file ---- */

static void part_restart(Download *d)
{
    if (ftruncate(d->fd, 0))
        err("%s: cannot be emptied: %s", d->part, strerror(errno));
    EVP_MD_CTX_free(d->hash);
    d->hash = hash_new();
    d->have = d->moved_have = 0;
    d->resumed = false;
}

/* Opens it, waits while another latentc writes it, and reads what it has. */
static void part_open(Download *d)
{
    d->fd = open(d->part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (d->fd < 0)
        err("%s: cannot be written: %s", d->part, strerror(errno));
    if (flock(d->fd, LOCK_EX | LOCK_NB)) {
        note("%s: another latentc is fetching it; waiting", d->part);
        if (flock(d->fd, LOCK_EX))
            err("%s: cannot be locked: %s", d->part, strerror(errno));
    }
    d->hash = hash_new();
    d->have = hash_rest(d->hash, d->fd, 0, d->part);
    d->resumed = d->have > 0;
    if (d->have > d->most)
        part_restart(d);
}

static bool part_add(Download *d, const char *data, size_t n)
{
    d->too_long |= (int64_t)n > d->most - d->have;
    if (d->too_long)
        return false;
    CHECK(EVP_DigestUpdate(d->hash, data, n));
    for (ssize_t k; n; data += k, n -= (size_t)k, d->have += k)
        if ((k = pwrite(d->fd, data, n, d->have)) < 0) {
            d->write_error = errno;
            return false;
        }
    return true;
}

/* ---- called by curl ---- */

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    static const char range[] = "content-range: bytes ", length[] = "content-length: ";
    Download *d = context;
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)(n * size < sizeof text ? n * size : sizeof text - 1),
             line);
    long long begin = -1, end, total = -1;
    if (!strncasecmp(text, "HTTP/", 5)) { /* a redirect has headers of its own */
        d->range_begin = d->range_total = d->total = -1;
    } else if (!strncasecmp(text, range, strlen(range))) {
        if (sscanf(text + strlen(range), "%lld-%lld/%lld", &begin, &end, &total) < 2)
            sscanf(text + strlen(range), "*/%lld", &total);
        d->range_begin = begin;
        d->range_total = total;
    } else if (!strncasecmp(text, length, strlen(length)) &&
               sscanf(text + strlen(length), "%lld", &total) == 1) {
        d->total = total;
    }
    return n * size;
}

static long status_of(const Download *d)
{
    long status = 0;
    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void begin_body(Download *d, long status)
{
    if (status == 206 && d->range_begin == d->have)
        d->total = d->range_total;
    else if (d->have)
        part_restart(d); /* the server does not know ranges and sends all of it */
    d->started = true;
    d->too_long |= d->total > d->most;
    if (d->bar_begun || d->too_long)
        return;
    lrt_progress_begin_bytes(&d->bar, d->what, d->total > 0 ? (double)d->total : 1e6);
    d->bar_begun = true;
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
    Download *d = context;
    long status = status_of(d);
    if (status != 200 && status != 206)
        return n * size; /* an error page */
    if (!d->started) {
        if (status == 206 && d->range_begin != d->have && d->range_begin != 0)
            return CURL_WRITEFUNC_ERROR; /* not the range of the request */
        begin_body(d, status);
    }
    if (!part_add(d, data, n * size))
        return CURL_WRITEFUNC_ERROR;
    if (d->total > 0 && d->have < d->total)
        lrt_progress_step(&d->bar, (int)((double)d->have / 1e6));
    return n * size;
}

/* Has it hardly moved for too long? Nonzero ends the transfer. */
static int on_time(void *context, curl_off_t all, curl_off_t now, curl_off_t up, curl_off_t sent)
{
    (void)all, (void)now, (void)up, (void)sent;
    Download *d = context;
    double time = lrt_now();
    if (d->have - d->moved_have >= MOVES) {
        d->moved_have = d->have;
        d->moved = time;
    }
    d->stalled = time - d->moved > (double)d->patience;
    return d->stalled;
}

/* ---- a request ---- */

static CURLcode request(Download *d, char *why)
{
    CURL *c = d->curl;
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)d->have);
    curl_easy_reset(c);
    *why = 0;
    d->started = false;
    d->range_begin = d->range_total = d->total = -1;
    curl_easy_setopt(c, CURLOPT_URL, d->address);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "latentc");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
                     strncasecmp(d->address, "https:", 6) ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_time);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, d);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    if (d->have)
        curl_easy_setopt(c, CURLOPT_RANGE, range);
    return curl_easy_perform(c);
}

/* A proxy's answer to CONNECT; 0 without one. */
static long proxy_status(Download *d)
{
    long status = 0;
    curl_easy_getinfo(d->curl, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
}

/* May another request succeed? */
static bool passing(Download *d, CURLcode code, long status)
{
    if (proxy_status(d) >= 300)
        return false;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    case CURLE_OK: return status == 429 || status >= 500;
    default: return false;
    }
}

static const char *status_text(long status)
{
    /* clang-format off */
    static const struct { long status; const char *text; } texts[] = {
        {401, " (a login is needed)"}, {403, " (forbidden)"}, {404, " (not found)"}, {410, " (gone)"}, {416, " (no such range)"},
        {429, " (too many requests)"}, {500, " (its own error)"}, {502, " (bad gateway)"}, {503, " (unavailable)"}, {504, " (gateway timeout)"}};
    /* clang-format on */
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "";
}

static void end_bar(Download *d)
{
    if (d->bar_begun)
        lrt_progress_end(&d->bar);
    d->bar_begun = false;
}

/* Advice to the user. */
static const char *advice(Download *d, CURLcode code)
{
    long proxy = proxy_status(d);
    if (proxy == 407)
        return " (the proxy requires a name and password: https_proxy=http://NAME:PASSWORD@HOST:PORT)";
    if (proxy >= 300)
        return " (that is the proxy's answer; https_proxy names it)";
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return " (https_proxy or http_proxy names it)";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
        return " (without a network: LATENTC_FETCH_BASE or --from names a mirror, https_proxy a proxy)";
    default: return "";
    }
}

_Noreturn static void give_up(Download *d, CURLcode code, const char *why)
{
    long status = status_of(d);
    end_bar(d);
    if (d->write_error)
        err("%s: cannot be written: %s; %lld bytes stay there, and the next fetch continues from them",
            d->part, strerror(d->write_error), (long long)d->have);
    if (!d->have || d->too_long)
        unlink(d->part);
    if (d->too_long)
        err("%s: sends more than the %lld bytes that the list allows: not the file that was published; nothing is kept",
            d->address, (long long)d->most);
    if (d->stalled)
        err("%s: no progress for %lld s; %lld bytes are in %s, and the next fetch continues from them",
            d->address, (long long)d->patience, (long long)d->have, d->part);
    if (code == CURLE_OK)
        err("%s: the server answered %ld%s, expected the file", d->address, status,
            status_text(status));
    if (d->have)
        err("%s: %s; %lld bytes are in %s, and the next fetch continues from them", d->address,
            *why ? why : curl_easy_strerror(code), (long long)d->have, d->part);
    err("%s: %s%s", d->address, *why ? why : curl_easy_strerror(code), advice(d, code));
}

/* Requests until the .part file is complete. */
static void download(Download *d)
{
    char why[CURL_ERROR_SIZE];
    for (int left = TRIES;;) {
        int64_t before = d->have;
        CURLcode code = request(d, why);
        long status = status_of(d);
        if (code == CURLE_OK && (status == 200 || status == 206)) {
            if (!d->started)
                begin_body(d, status); /* an empty file */
            break;
        }
        if (code == CURLE_OK && status == 416 &&
            d->have) { /* no bytes follow: the file is complete, or another one */
            if (d->range_total == d->have)
                break;
            part_restart(d);
            continue;
        }
        left = d->have > before ? TRIES - 1 : left - 1;
        on_time(d, 0, 0, 0, 0);
        if (d->write_error || d->too_long || d->stalled || !passing(d, code, status) || !left)
            give_up(d, code, why);
        sleep((unsigned)(TRIES - left) - 1); /* 0 s the first time, then 1 s, 2 s */
    }
    end_bar(d);
}

void fetch_file(const FetchFile *f)
{
    static bool ready;
    const char *address = f->address, *path = f->path, *sha256 = f->sha256;
    char part[4200], hex[65];
    snprintf(part, sizeof part, "%s.part", path);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a write error like a full disk */
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT))
        die("curl does not start");
    ready = true;
    Download d = {.address = address,
                  .part = part,
                  .what = f->what,
                  .most = f->most,
                  .patience = f->patience};
    d.curl = curl_easy_init();
    CHECK(d.curl);
    part_open(&d);
    d.moved = lrt_now(); /* after the wait for another latentc */
    d.moved_have = d.have;
    for (bool again = !access(path, F_OK);
         !again;) { /* another latentc may have fetched it meanwhile */
        download(&d);
        EVP_MD_CTX *h = d.hash;
        hash_hex(h, hex);
        d.hash = hash_new();
        if (!strcasecmp(hex, sha256)) {
            if (fsync(d.fd) || rename(part, path))
                err("%s: cannot be written: %s", path, strerror(errno));
            break;
        }
        bool mixed = d.resumed;
        part_restart(&d); /* none of its bytes are right */
        if (!mixed) {
            unlink(part);
            err("%s: has sha256 %s, expected %s: not the file that was published; it was removed",
                address, hex, sha256);
        }
        note("%s: the resumed file is not the one that was published; fetching all of it again",
             f->what);
    }
    EVP_MD_CTX_free(d.hash);
    close(d.fd);
    curl_easy_cleanup(d.curl);
}
