#!/usr/bin/env python3
"""Writes data/goldens/sd1-*.safetensors: what keras-cv's models of Stable Diffusion 1.x compute in double, with the weights of synthetic:1.

    python3 tests/recorded/record_sd1.py [text_encoder] [diffusion_model]      needs keras-cv, jax, h5py, safetensors; 20 GB of memory, 8 GB of disk

The weights find their places by the names that Keras gives them in a .weights.h5 (data/keras3-names.tsv), not by their order. Inputs and results
are rounded to float.
"""
import os
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench", "compare"))
import synthetic  # noqa: E402

SIZE = 128


def build(model):
    from keras_cv.src.models.stable_diffusion import diffusion_model, text_encoder
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    if model == "text_encoder":
        return text_encoder.TextEncoder(77, download_weights=False)
    return diffusion_model.DiffusionModel(SIZE, SIZE, 77, download_weights=False)


def names(model):
    """Path of each weight in the graph, and Keras' name; those of Stable Diffusion 2, whose text encoder has more layers."""
    with open(os.path.join(HERE, "..", "data", "keras3-names.tsv")) as f:
        for row in f:
            of, path, name = (row.rstrip("\n").split("\t") + ["", ""])[:3]
            if of == model:
                yield path, name


def fill(m, model):
    """Gives the model the weights of synthetic:1."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        file = os.path.join(folder, "m.weights.h5")
        m.save_weights(file)
        given = 0
        with h5py.File(file, "r+") as f:
            stored = {}
            f.visititems(lambda name, x: stored.update({name: x}) if isinstance(x, h5py.Dataset) else None)
            for path, name in names(model):
                name = name if name in stored else name.replace("/proj1/", "/proj1/conv2d/").replace("/proj2/", "/proj2/conv2d/")
                if name not in stored:
                    continue
                layer, leaf = path.rsplit(".", 1)
                stored.pop(name)[...] = keras_weight(model, layer, leaf, f[name].shape)
                given += 1
        assert not stored, list(stored)[:3]
        m.load_weights(file)
    print(model, given, "tensors,", m.count_params(), "parameters")


def keras_weight(model, layer, leaf, shape):
    """synthetic:1 in Keras' layout. A 1x1 convolution has the numbers of the dense layer that the graph has in its place."""
    u = synthetic.uniform(f"{model}/{layer}.{leaf}", 1, int(np.prod(shape)))
    if leaf == "kernel":
        gain = 1.5 if model == "diffusion_model" and layer.endswith((".to_q", ".to_k")) else 1.0
        u *= np.float32(gain * np.sqrt(3.0 / np.prod(shape[:-1])))
    else:
        u *= np.float32(synthetic.SCALES[leaf])
    if leaf == "gamma":
        u += np.float32(1)
    return u.reshape(shape)


def waves(*shape):
    i = np.arange(np.prod(shape), dtype=np.float64)
    return (1.4 * np.sin(12.9898 * (i + 1))).astype(np.float32).reshape(shape)


def inputs(model):
    if model == "text_encoder":
        ids = [49406, *(7919 * (i + 1) % 49405 for i in range(40)), *[49407] * 36]
        return {"tokens": np.array([ids], np.int32), "positions": np.arange(77, dtype=np.int32)[None]}
    f = 131 * np.exp(-np.log(10000.0) * np.arange(160) / 160)
    return {"latent": waves(1, SIZE // 8, SIZE // 8, 4), "timestep_embedding": np.concatenate([np.cos(f), np.sin(f)]).astype(np.float32)[None],
            "context": waves(1, 77, 768)}


def main():
    for model in sys.argv[1:] or ("text_encoder", "diffusion_model"):
        m = build(model)
        fill(m, model)
        x = inputs(model)
        y = np.asarray(m({k: v if v.dtype == np.int32 else v.astype(np.float64) for k, v in x.items()}))
        assert y.dtype == np.float64
        print(model, y.shape, "rms", float(np.sqrt((y * y).mean())))
        name = "sd1-text-seed1" if model == "text_encoder" else f"sd1-unet-{SIZE}x{SIZE}-seed1"
        save_file({**x, "output": y.astype(np.float32)}, os.path.join(HERE, "..", "data", "goldens", name + ".safetensors"),
                  {"made_by": f"recorded/record_sd1.py, keras-cv 0.9.0, Keras {keras.__version__}"})


if __name__ == "__main__":
    main()
