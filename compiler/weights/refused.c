/* Files and folders that latentc does not take as weights: see refused.h. */
#include "refused.h"

#include <string.h>

#include "container.h"
#include "err.h"

const char *const pickle_advice =
    "a PyTorch pickle, which can run any program while it is read; convert it once where you trust it: "
    "python -c \"import torch,safetensors.torch as s; d=torch.load('IN.ckpt',map_location='cpu'); d=d.get('state_dict',d); "
    "s.save_file({k:v.contiguous() for k,v in d.items() if isinstance(v,torch.Tensor)},'OUT.safetensors')\"";

bool is_folder(const Peek *p) { return p->folder; }

void refuse_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a folder without model_index.json or config.json, expected a diffusers folder or a file of weights",
        c->spec);
}

/* The archive that Keras 3 saves by default. */
bool is_keras_archive(const Peek *p)
{
    size_t n = strlen(p->spec);
    return peek_begins(p, "PK\3\4", 4) &&
           ((n > 6 && !strcmp(p->spec + n - 6, ".keras")) || peek_has(p, "model.weights.h5"));
}

void refuse_keras_archive(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a .keras archive, expected the weights alone: unzip it and give model.weights.h5, or use save_weights",
        c->spec);
}

/* A zip archive (since PyTorch 1.6), a pickle, or a tar file. */
bool is_pickle(const Peek *p)
{
    return peek_begins(p, "PK\3\4", 4) || peek_begins(p, "\x80\2", 2) ||
           peek_begins(p, "\x80\3", 2) || peek_begins(p, "\x80\4", 2);
}

void refuse_pickle(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: %s", c->spec, pickle_advice);
}

bool is_gguf(const Peek *p) { return peek_begins(p, "GGUF", 4); }

void refuse_gguf(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a GGUF file, whose numbers are quantised; expected safetensors, a diffusers folder or a Keras .h5",
        c->spec);
}

bool is_packed(const Peek *p) { return peek_begins(p, LRT_PACKED, strlen(LRT_PACKED)); }

void refuse_packed(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: packed weights, which only a generator reads; expected the checkpoint that they were made from: 'latentc weights list %s' names it",
        c->spec, c->spec);
}
