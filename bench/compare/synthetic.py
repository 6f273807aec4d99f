"""latentc's `synthetic:SEED` weights (compiler/weights/synthetic.c), bit for bit, for modules whose tensors have torch's names and layouts.

    h    = FNV-1a 64 of "<model>/<path>"
    z(i) = splitmix64 finalizer of (h + seed * 0xD1342543DE82EF95 + (i + 1) * 0x9E3779B97F4A7C15), modulo 2^64
    u(i) = ((z >> 40) - 2^23) * 2^-23, exact in float, in [-1, 1)

and then u * scale, or 1 + u * scale for gamma; every product and sum is rounded to float on its own. i counts in Keras' layout: HWIO, (in, out).
"""
import math
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np

MASK = (1 << 64) - 1
CHUNK = 1 << 20
SCALES = {"bias": 0.05, "gamma": 0.2, "beta": 0.1, "embeddings": 0.05}
OUTLIER_SHARE = 0.01  # some channels of trained models have much larger numbers than the others


def tiny_place(number):
    """The path of a layer of AutoencoderTiny's decoder: conv, relu, three times (three blocks, upsample, conv), a block, conv."""
    number = int(number)
    if number in (0, 18):
        return "conv_in" if number == 0 else "conv_out"
    level, i = divmod(number - 2, 5)
    return f"up.{level}.block.{i}" if i < 3 else f"up.{level}.conv"


# diffusers' (transformers') names -> the paths in graphs/sd2. In order; every row is applied wherever it matches.
RES_BLOCK = [(r"\.norm1$", ".entry.norm"), (r"\.conv1$", ".entry.conv"), (r"time_emb_proj$", "emb.dense"), (r"\.norm2$", ".exit.norm"),
             (r"\.conv2$", ".exit.conv")]
NAMES = {
    "diffusion_model": [
        (r"^time_embedding\.linear_", "time.dense"), (r"^conv_in$", "down.conv_in"), (r"^conv_norm_out$", "out.norm"), (r"^conv_out$", "out.conv"),
        (r"^(down|mid|up)_blocks?", r"\1"), (r"\.downsamplers\.0\.conv$", ".downsample"), (r"\.upsamplers\.0\.conv$", ".upsample.conv"),
        *[(r"(\.resnets\.\d+)" + old, r"\1" + new) if old.startswith(r"\.") else (old, new) for old, new in RES_BLOCK],
        (r"\.resnets\.", ".res."), (r"conv_shortcut$", "residual"),
        (r"\.attentions\.", ".attn."), (r"\.proj_in$", ".proj1"), (r"\.proj_out$", ".proj2"), (r"\.transformer_blocks\.0\.", ".block."),
        (r"\.to_out\.0$", ".out_proj"), (r"\.ff\.net\.0\.proj$", ".geglu.dense"), (r"\.ff\.net\.2$", ".dense"),
    ],
    "decoder": [
        (r"^decoder\.", ""), (r"^(mid|up)_blocks?", r"\1"), (r"\.resnets\.", ".res."), (r"\.upsamplers\.0\.conv$", ".conv"),
        (r"conv_shortcut$", "residual"), (r"^conv_norm_out$", "norm_out"),
        (r"\.attentions\.0\.", ".attn."), (r"\.group_norm$", ".norm"), (r"\.to_out\.0$", ".proj_out"), (r"\.to_([qkv])$", r".\1"),
    ],
    "tiny_decoder": [
        (r"^(\d+)\.conv\.(\d)$", lambda m: f"{tiny_place(m[1])}.conv.{int(m[2]) // 2}"), (r"^\d+$", lambda m: tiny_place(m[0])),
    ],
    "text_encoder": [
        (r"^text_model\.", ""), (r"^embeddings\.(token|position)_embedding$", r"embed.\1"), (r"^final_layer_norm$", "final_norm"),
        (r"^encoder\.layers\.", "layers."), (r"\.self_attn\.", ".attn."), (r"\.mlp\.", "."),
    ],
}


def path_of(model, layer):
    """The path in latentc's graph of a layer of the torch module."""
    for pattern, replacement in NAMES[model]:
        layer = re.sub(pattern, replacement, layer)
    return layer


def keras_layout(shape):
    """The shape in Keras' layout of a kernel, and the axes that lead back from there."""
    if len(shape) == 4:
        o, i, h, w = shape
        return (h, w, i, o), (3, 2, 0, 1)
    o, i = shape
    return (i, o), (1, 0)


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def uniform(name, seed, n):
    """n values in [-1, 1). Threads share the work: numpy's loops run outside of Python's lock."""
    base = (fnv1a64(name) + seed * 0xD1342543DE82EF95) & MASK
    out = np.empty(n, np.float32)

    def fill(first):
        last = min(n, first + CHUNK)
        z = np.arange(first + 1, last + 1, dtype=np.uint64)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(base)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        z >>= np.uint64(40)
        out[first:last] = z.astype(np.int32) - (1 << 23)
        out[first:last] *= np.float32(2.0 ** -23)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, range(0, n, CHUNK)))
    return out


def weight_path(model, layer, leaf, is_norm):
    """latentc's path of one tensor: `leaf` ("weight" or "bias") of `layer`."""
    path = path_of(model, layer)
    if is_norm:
        return f"{path}.{'beta' if leaf == 'bias' else 'gamma'}"
    return f"{path}.{'bias' if leaf == 'bias' else 'embeddings' if path.startswith('embed.') else 'kernel'}"


def add_outliers(model, seed, path, gamma, times):
    """OUTLIER_SHARE of a norm's channels, chosen by numbers of another name, become so many times as large."""
    n = round(len(gamma) * OUTLIER_SHARE)
    gamma[np.argsort(uniform(f"{model}/{path}.outliers", seed, len(gamma)), kind="stable")[len(gamma) - n:]] *= np.float32(times)


def weight(model, seed, path, shape, outliers=0):
    """One tensor in torch's layout. path: of weight_path; outliers: of catalog.weights_of"""
    layer, kind = path.rsplit(".", 1)
    u = uniform(f"{model}/{path}", seed, math.prod(shape))
    if kind == "kernel":
        keras, back = keras_layout(shape)
        gain = 1.5 if model == "diffusion_model" and layer.rsplit(".", 1)[-1] in ("to_q", "to_k") else 1.0
        u *= np.float32(gain * math.sqrt(3.0 / math.prod(keras[:-1])))
        return np.ascontiguousarray(u.reshape(keras).transpose(back))
    u *= np.float32(SCALES[kind])
    if kind == "gamma":
        u += np.float32(1)
        if outliers:
            add_outliers(model, seed, path, u, outliers)
    return u.reshape(shape)


def in_latentc_layout(tensor):
    """A kernel as latentc stores it: HWIO, (in, out)."""
    _, back = keras_layout(tensor.shape)
    return np.ascontiguousarray(tensor.transpose(np.argsort(back)))
