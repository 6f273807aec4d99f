/* See picture_writer.h. */
#include "picture_writer.h"

#include <stdlib.h>
#include <string.h>

#include "progress.h"

static void *write_it(void *user)
{
    lrt_picture_writer *w = user;
    w->ok = lrt_picture_write(w->name, &w->picture, &w->why);
    w->end = lrt_now();
    return NULL;
}

void lrt_picture_writer_free(lrt_picture_writer *w)
{
    free(w->name);
    free(w->rgb);
    free(w->parameters);
    *w = (lrt_picture_writer){0};
}

bool lrt_picture_writer_begin(lrt_picture_writer *w, const char *name, const lrt_picture_out *p)
{
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    lrt_picture_writer_free(w);
    w->name = strdup(name);
    w->rgb = malloc(bytes);
    w->parameters = p->parameters ? strdup(p->parameters) : NULL;
    if (!w->name || !w->rgb || (p->parameters && !w->parameters))
        return false;
    memcpy(w->rgb, p->rgb, bytes);
    w->picture = *p;
    w->picture.rgb = w->rgb;
    w->picture.parameters = w->parameters;
    w->begin = lrt_now();
    w->busy = !pthread_create(&w->thread, NULL, write_it, w);
    return w->busy;
}

bool lrt_picture_writer_end(lrt_picture_writer *w, lrt_error *e)
{
    pthread_join(w->thread, NULL);
    w->busy = false;
    if (!w->ok)
        *e = w->why;
    return w->ok;
}
