/* Writes safetensors files, tensor by tensor: see safetensors.h. */
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "err.h"
#include "outfile.h"

struct StWriter {
    OutFile *out;
    const char *path;
    uint64_t left;
};

static uint64_t entry_bytes(const StEntry *e)
{
    uint64_t n = e->dtype == ST_F64 || e->dtype == ST_I64    ? 8
                 : e->dtype == ST_F16 || e->dtype == ST_BF16 ? 2
                 : e->dtype == ST_U8                         ? 1
                                                             : 4;
    for (int i = 0; i < e->rank; i++)
        n *= (uint64_t)e->dim[i];
    return n;
}

static void metadata_text(const char *const *meta, size_t n_meta, Buf *b)
{
    for (size_t i = 0; i < n_meta; i++) {
        buf_printf(b, i ? "," : "\"__metadata__\":{");
        buf_quoted(b, meta[2 * i]);
        buf_printf(b, ":");
        buf_quoted(b, meta[2 * i + 1]);
    }
    buf_printf(b, n_meta ? "}" : "");
}

static uint64_t header_text(const StEntry *e, size_t n, const char *const *meta, size_t n_meta,
                            Buf *b)
{
    uint64_t at = 0;
    buf_printf(b, "{");
    metadata_text(meta, n_meta, b);
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = entry_bytes(&e[i]);
        buf_printf(b, i || n_meta ? "," : "");
        buf_quoted(b, e[i].name);
        buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", st_dtype_name(e[i].dtype));
        for (int d = 0; d < e[i].rank; d++)
            buf_printf(b, "%s%lld", d ? "," : "", (long long)e[i].dim[d]);
        buf_printf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                   (unsigned long long)(at + bytes));
        at += bytes;
    }
    buf_printf(b, "}");
    while (b->len % 8) /* so that the data is aligned */
        buf_printf(b, " ");
    return at;
}

StWriter *st_writer_open(const char *path, const StEntry *e, size_t n, const char *const *meta,
                         size_t n_meta)
{
    Buf header = {0};
    unsigned char length[8];
    StWriter *w = xcalloc(1, sizeof *w);
    w->left = header_text(e, n, meta, n_meta, &header);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header.len >> 8 * i);
    w->out = outfile_open(path);
    outfile_write(w->out, length, sizeof length);
    outfile_write(w->out, header.data, header.len);
    buf_free(&header);
    return w;
}

void st_writer_put(StWriter *w, const void *data, size_t bytes)
{
    CHECK(bytes <= w->left);
    outfile_write(w->out, data, bytes);
    w->left -= bytes;
}

void st_writer_commit(StWriter *w)
{
    CHECK(w->left == 0);
    outfile_commit(w->out, 0644);
    free(w);
}

void st_write(const char *path, const StOut *t, size_t n, const char *const *meta, size_t n_meta)
{
    StEntry *e = xcalloc(n + 1, sizeof *e);
    for (size_t i = 0; i < n; i++) {
        e[i] = (StEntry){.name = t[i].name,
                         .dtype = t[i].dtype == DT_I32 ? ST_I32 : ST_F32,
                         .rank = t[i].shape.rank};
        memcpy(e[i].dim, t[i].shape.dim, sizeof t[i].shape.dim);
    }
    StWriter *w = st_writer_open(path, e, n, meta, n_meta);
    for (size_t i = 0; i < n; i++)
        st_writer_put(w, t[i].data, 4 * (size_t)shape_count(&t[i].shape));
    st_writer_commit(w);
    free(e);
}
