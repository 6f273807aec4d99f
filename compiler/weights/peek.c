/* What can be seen of a file or folder: see peek.h. */
#define _GNU_SOURCE /* memmem */
#include "peek.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

enum { HEAD = 4096, MOST_HEAD = 100 << 20 };

bool peek_begins(const Peek *p, const void *magic, size_t n)
{
    return p->n >= n && !memcmp(p->head, magic, n);
}

bool peek_has(const Peek *p, const char *text)
{
    return p->n && memmem(p->head, p->n, text, strlen(text));
}

/* A file is not the name of a repository: its folder is missing. */
static bool is_hub_name(const char *spec)
{
    static const char *const files[] = {".safetensors", ".json", ".h5", ".ckpt",  ".pt", ".bin",
                                        ".gguf",        ".txt",  ".gz", ".keras", ".pth"};
    const char *slash = strchr(spec, '/'), *dot = strrchr(spec, '.');
    if (!slash || slash == spec || !slash[1] || strchr(slash + 1, '/') || *spec == '.')
        return false;
    for (const char *p = spec; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_./", *p))
            return false;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && dot; i++)
        if (!strcmp(dot, files[i]))
            return false;
    return true;
}

const char *hub_advice(Arena *a, const char *spec)
{
    static const char hub[] = "https://huggingface.co/";
    const char *name = strncmp(spec, hub, strlen(hub)) ? spec : spec + strlen(hub);
    struct stat st;
    const char *slash = strchr(name, '/');
    if (strstr(spec, "://") && !is_hub_name(name))
        return "; it is an address, expected a file or a folder: download it first";
    if (!is_hub_name(name) ||
        !stat(arena_printf(a, "%.*s", (int)(slash - name), name), &st)) /* a folder of the user's */
        return "";
    return arena_printf(
        a,
        "; if it is a name on the Hugging Face hub, download the folder first: 'hf download %s --local-dir %s' (pip install huggingface_hub), then give %s",
        name, slash + 1, slash + 1);
}

static size_t read_head(int fd, char *into, size_t n)
{
    size_t got = 0;
    for (ssize_t k; got < n && (k = pread(fd, into + got, n - got, (off_t)got)) > 0;)
        got += (size_t)k;
    return got;
}

Peek peek_at(Arena *a, const char *path)
{
    struct stat st;
    Peek p = {.spec = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused, not waited for */
    if (fd < 0 || fstat(fd, &st))
        err("%s: cannot be read: %s%s", path, strerror(errno),
            errno == ENOENT ? hub_advice(a, path) : "");
    p.folder = S_ISDIR(st.st_mode);
    if (!p.folder && !S_ISREG(st.st_mode))
        err("%s: a pipe or a device, expected a file or a folder of weights, which are read where they lie",
            path);
    if (!p.folder) {
        char *head = arena_alloc(a, HEAD);
        p.n = read_head(fd, head, HEAD);
        uint64_t length = 0;
        for (int i = 0; i < 8 && p.n > 8; i++)
            length |= (uint64_t)(unsigned char)head[i] << 8 * i;
        p.safetensors = p.n > 8 && head[8] == '{' && length <= MOST_HEAD &&
                        length + 8 <= (uint64_t)st.st_size;
        if (p.safetensors && length + 8 > HEAD) {
            head = arena_alloc(a, length + 8);
            p.n = read_head(fd, head, length + 8);
        }
        p.head = head;
    }
    close(fd);
    return p;
}
