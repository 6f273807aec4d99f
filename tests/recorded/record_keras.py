#!/usr/bin/env python3
"""Models of Keras 3, saved in every way that Keras has, and what they compute in double precision.
    pip install tensorflow-cpu keras keras-cv==0.9.0 h5py safetensors numpy

  record_keras.py FOLDER [MODEL...]     (tests/data/keras has what it wrote)

MODEL.json          model.to_json()
MODEL.keras         model.save()
MODEL.weights.h5    model.save_weights(): Keras 3's layout
MODEL.h5            the layout before Keras 3; of `layers` and `unet` the file of a whole model (model.save("x.h5"))
MODEL.safetensors   the inputs by their names, and the outputs by their layers' names ("output" where there is one): computed in double,
                    rounded to float32

Weights are numbers of bfloat16, so that the files are small when they are compressed: unet.keras as by `zip -9`, vae.keras and all .h5
by gzip (.gz).

layers       every layer of Keras that latentc has; three inputs, three outputs, shared layers, a nested model that is called twice
stack        a Sequential with a Sequential inside
unet         a small U-Net of keras-cv's layers, both forms of SpatialTransformer
vae          a small decoder of keras-cv's layers
"""
import gzip
import os
import sys
import zipfile

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import h5py                                                 # noqa: E402
import keras                                                # noqa: E402
import numpy as np                                          # noqa: E402
from keras import layers                                    # noqa: E402
from keras.src.legacy.saving import legacy_h5_format        # noqa: E402
from safetensors.numpy import save_file                     # noqa: E402


def make_layers():
    image = layers.Input((9, 7, 3), name="image")
    features = layers.Input((2, 15), name="features")
    tokens = layers.Input((5,), dtype="int32", name="tokens")
    # nested: its own layers, called twice below
    inner = layers.Input((None, None, 8))
    y = layers.GroupNormalization(groups=4)(inner)
    y = layers.Activation("silu")(y)
    y = layers.Conv2D(8, 3, padding="same")(y)
    block = keras.Model(inner, layers.Add()([y, inner]), name="block")

    x = layers.Rescaling(0.5, offset=-0.25)(image)
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)                # valid: 4x4
    x = block(x)
    skip = layers.Conv2D(8, 1, use_bias=False)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)   # 2x2, padded at the end alone
    x = layers.UpSampling2D(2)(x)
    x = layers.SpatialDropout2D(0.5)(x)
    x = block(x)
    x = layers.Concatenate()([x, skip])
    x = layers.Identity()(x)
    picture = layers.Conv2D(4, (3, 3), padding="same", activation="tanh", name="picture")(x)

    shared = layers.Dense(6)
    t = layers.Embedding(11, 6)(tokens)
    t = shared(t)
    t = layers.LayerNormalization(epsilon=1e-4)(t)
    t = layers.Dense(8, activation="gelu")(t)
    t = keras.ops.gelu(t)                       # by tanh
    t = layers.Dropout(0.3)(t)
    f = layers.Reshape((5, -1))(features)
    f = shared(f)
    f = layers.Dense(8, use_bias=False, activation="softmax")(f)
    f = layers.Activation("linear")(f) * 3.0
    words = layers.Add(name="words")([t, f])
    flat = layers.Reshape((16, 4))(picture)
    dense = layers.Dense(5, name="rows")(flat)
    return keras.Model([image, features, tokens], [picture, words, dense], name="layers")


def make_stack():
    inner = keras.Sequential([layers.Dense(10), layers.LayerNormalization(), layers.Activation("swish"), layers.Dense(6)])
    return keras.Sequential([layers.Input((4, 6), name="rows"), layers.Dense(6, activation="relu"), inner,
                             layers.Dropout(0.1), layers.Dense(3), layers.Activation("tanh")], name="stack")


def make_unet():
    from keras_cv.src.models.stable_diffusion.diffusion_model import PaddedConv2D, ResBlock, SpatialTransformer, Upsample
    context = layers.Input((32, 128), name="context")  # sizes of graphs/shapes
    time = layers.Input((64,), name="timestep_embedding")
    latent = layers.Input((16, 16, 4), name="latent")
    t = layers.Dense(24)(time)
    t = layers.Activation("swish")(t)
    t = layers.Dense(24)(t)
    x = PaddedConv2D(32, kernel_size=3, padding=1)(latent)
    first = x
    x = ResBlock(32)([x, t])
    second = x = SpatialTransformer(2, 16, fully_connected=True)([x, context])
    x = PaddedConv2D(32, 3, strides=2, padding=1)(x)
    x = ResBlock(32)([x, t])
    x = SpatialTransformer(4, 8, fully_connected=False)([x, context])
    x = Upsample(32)(x)
    x = layers.Concatenate()([x, second])
    x = ResBlock(32)([x, t])
    x = layers.Add()([x, first])
    x = layers.GroupNormalization(epsilon=1e-5)(x)
    x = layers.Activation("swish")(x)
    x = PaddedConv2D(4, kernel_size=3, padding=1)(x)
    return keras.Model([latent, time, context], x, name="small_unet")


def make_vae():
    from keras_cv.src.models.stable_diffusion.attention_block import AttentionBlock
    from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
    from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock
    return keras.Sequential([
        layers.Input((4, 6, 4), name="latent"), layers.Rescaling(1.0 / 0.18215), PaddedConv2D(4, 1), PaddedConv2D(32, 3, padding=1),
        ResnetBlock(32), AttentionBlock(32), layers.UpSampling2D(2), ResnetBlock(32),
        layers.GroupNormalization(epsilon=1e-5), layers.Activation("swish"), PaddedConv2D(3, 3, padding=1)], name="small_decoder")


MODELS = {"layers": make_layers, "stack": make_stack, "unet": make_unet, "vae": make_vae}
WHOLE = ("layers", "unet")  # their .h5 has the model, too


def build(name, floatx):
    keras.backend.clear_session()
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(floatx)
    return MODELS[name]()


def fill(model, seed):
    """Random weights: kernels of about variance 1/n, gammas about 1, all else about 0."""
    g = np.random.default_rng(seed)
    for v in model.weights:
        shape = tuple(v.shape)
        last = v.path.rsplit("/", 1)[-1]
        x = g.standard_normal(shape)
        if last == "gamma":
            x = 1 + 0.2 * x
        elif len(shape) == 1:
            x = 0.1 * x
        else:
            x *= float(np.prod(shape[:-1])) ** -0.5
        v.assign((x.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


def inputs(model, seed):
    g, out = np.random.default_rng(seed), {}
    for t in model.inputs:
        shape = (1, *t.shape[1:])
        whole = keras.backend.standardize_dtype(t.dtype) == "int32"
        out[t.name] = g.integers(0, 11, shape).astype(np.int32) if whole else g.standard_normal(shape).astype(np.float32)
    return out


def save(model, folder, name):
    path = os.path.join(folder, name)
    with open(path + ".json", "w") as f:
        f.write(model.to_json() + "\n")
    model.save(path + ".keras")
    model.save_weights(path + ".weights.h5")
    if name in WHOLE:
        model.save(path + ".h5")
    else:
        with h5py.File(path + ".h5", "w") as f:
            legacy_h5_format.save_weights_to_hdf5_group(f, model)
    compress(path, name)


def compress(path, name):
    if name == "unet":
        with zipfile.ZipFile(path + ".keras") as z:
            entries = [(i.filename, z.read(i)) for i in z.infolist()]
        with zipfile.ZipFile(path + ".keras", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
            for entry in entries:
                z.writestr(*entry)
    for ending in (".weights.h5", ".h5", *([".keras"] if name == "vae" else [])):
        with open(path + ending, "rb") as f, open(path + ending + ".gz", "wb") as out:
            out.write(gzip.compress(f.read(), 9, mtime=0))
        os.remove(path + ending)


def record(name, folder):
    seed = 1 + list(MODELS).index(name)
    model = build(name, "float32")
    fill(model, seed)
    x = inputs(model, seed)
    save(model, folder, name)
    weights = model.get_weights()
    model = build(name, "float64")
    model.set_weights(weights)
    y = model([x[t.name] if x[t.name].dtype == np.int32 else x[t.name].astype(np.float64) for t in model.inputs])
    y = y if isinstance(y, (list, tuple)) else [y]
    names = model.output_names if len(y) > 1 else ["output"]
    keep = dict(x)
    for n, v in zip(names, y):
        v = np.asarray(v)
        assert v.dtype == np.float64
        keep["output." + n if n in x else n] = v.astype(np.float32)
    save_file(keep, os.path.join(folder, name + ".safetensors"))
    print(name, model.count_params(), {k: v.shape for k, v in keep.items()})


os.makedirs(sys.argv[1], exist_ok=True)
for name in sys.argv[2:] or MODELS:
    record(name, sys.argv[1])
