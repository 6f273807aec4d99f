/* See container_write.h. */
#include "container_write.h"

#include <errno.h>
#include <string.h>

#include "container.h"
#include "hash.h"
#include "section_hash.h"
#include "plan.h"
#include "err.h"

enum { SECTION_ALIGN = 65536 };
struct Container {
    OutFile *out;
    uint64_t at, section_begin;
    lrt_hasher hasher;
    lrt_footer footer;
};

static void put(Container *c, const void *p, size_t n)
{
    outfile_write(c->out, p, n);
    c->at += n;
}

static void pad(Container *c, uint64_t align)
{
    static const char zeros[4096];
    while (c->at % align) {
        uint64_t n = align - c->at % align;
        put(c, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros);
    }
}

void container_write(Container *c, const void *p, size_t n)
{
    put(c, p, n);
    lrt_hash_add(&c->hasher, p, n);
}

uint64_t container_position(const Container *c) { return c->at - c->section_begin; }

static void begin_section(Container *c)
{
    pad(c, SECTION_ALIGN);
    c->section_begin = c->at;
    lrt_hash_begin(&c->hasher);
}

static void end_section(Container *c, int section)
{
    c->footer.sections[section] = (lrt_section){c->section_begin, container_position(c),
                                                lrt_hash_end(&c->hasher)};
}

static void copy_executable(Container *c, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        err("%s: %s", path, strerror(errno));
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        container_write(c, block, n);
    if (ferror(f))
        err("%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
}

static void put_section(Container *c, int section, const void *p, size_t n)
{
    begin_section(c);
    if (n)
        container_write(c, p, n);
    end_section(c, section);
}

static void put_footer(Container *c)
{
    pad(c, 8);
    c->footer.file_bytes = c->at + sizeof c->footer;
    c->footer.footer_hash = lrt_hash64(&c->footer, offsetof(lrt_footer, footer_hash));
    put(c, &c->footer, sizeof c->footer);
}

void container_finish(OutFile *out, uint64_t layout_hash, const ContainerParts *p)
{
    Container c = {.out = out};
    c.footer = (lrt_footer){.magic = {'l', 'a', 't', 'e', 'n', 't', 'r', 't'},
                            .version = LRT_PLAN_VERSION,
                            .n_sections = LRT_SECTION_COUNT,
                            .layout_hash = layout_hash};
    begin_section(&c);
    if (p->executable)
        copy_executable(&c, p->executable);
    end_section(&c, LRT_SECTION_CODE);
    put_section(&c, LRT_SECTION_ABOUT, p->about, p->about ? strlen(p->about) : 0);
    begin_section(&c);
    if (p->weights)
        p->weights(&c, p->context);
    end_section(&c, LRT_SECTION_WEIGHTS);
    put_section(&c, LRT_SECTION_VOCAB, p->vocab, p->vocab_bytes);
    put_footer(&c);
}

void container_append(OutFile *out, int section, const void *data, size_t n)
{
    Container c = {.out = out};
    const char *path = outfile_temp_path(out);
    lrt_error e;
    if (fflush(outfile_stream(out)))
        err("%s: %s", path, strerror(errno));
    if (!lrt_footer_read(&(lrt_container_file){.path = path, .what = path}, &c.footer, &e))
        err("%s", e.text);
    c.at = c.footer.file_bytes - sizeof c.footer;
    if (fseeko(outfile_stream(out), (off_t)c.at, SEEK_SET))
        err("%s: %s", path, strerror(errno));
    put_section(&c, section, data, n);
    put_footer(&c);
}
