#!/usr/bin/env python3
"""keras-cv's models and their files, by Keras itself.   pip install tensorflow-cpu keras-cv h5py safetensors numpy

  keras_h5.py write FOLDER MODEL...      random weights; FOLDER/MODEL.h5 (the layout before Keras 3), MODEL.weights.h5 (Keras 3's) and
                                         MODEL.safetensors (names as in the graphs, by the order in tests/data/weight-names.tsv)
  keras_h5.py read FOLDER MODEL FILE...  does Keras load the same weights from FILE? Exit code 1 when not
  keras_h5.py names FOLDER MODEL...      MODEL, path, Keras 3's name, for tests/data/keras3-names.tsv: the dataset with the same numbers

MODEL: text_encoder, diffusion_model, decoder, image_encoder. The graphs' names of weights come from the table alone, not from latentc."""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
HERE = os.path.dirname(os.path.abspath(__file__))

import h5py                                                  # noqa: E402
import numpy as np                                           # noqa: E402


def rows(model):
    """Path and shape of each weight, in the order of a legacy file."""
    with open(os.path.join(HERE, "..", "data", "weight-names.tsv")) as f:
        r = [x.rstrip("\n").split("\t") for x in f if not x.startswith("#")]
    r = sorted((x for x in r if x[0] == model), key=lambda x: (int(x[8]), int(x[9])))
    return [(x[1], tuple(int(d) for d in x[2].split("x"))) for x in r]


def build(model):
    from keras_cv.src.models.stable_diffusion import decoder, diffusion_model, image_encoder, text_encoder
    return {"diffusion_model": lambda: diffusion_model.DiffusionModelV2(128, 128, 77, download_weights=False),
            "text_encoder": lambda: text_encoder.TextEncoderV2(77, download_weights=False),
            "decoder": lambda: decoder.Decoder(128, 128, download_weights=False),
            "image_encoder": lambda: image_encoder.ImageEncoder(download_weights=False)}[model]()


def variables(m):
    return [v for layer in m.layers for v in layer.weights]


def write(folder, *models):
    from keras.src.legacy.saving import legacy_h5_format
    from safetensors.numpy import save_file
    for k, model in enumerate(models):
        m, g, own = build(model), np.random.default_rng(k + 1), {}
        assert len(variables(m)) == len(rows(model))
        for v, (path, shape) in zip(variables(m), rows(model)):
            assert tuple(v.shape) == shape, (path, v.shape, shape)
            own[path] = g.standard_normal(shape, dtype=np.float32)
            v.assign(own[path])
        with h5py.File(os.path.join(folder, model + ".h5"), "w") as f:
            legacy_h5_format.save_weights_to_hdf5_group(f, m)
        m.save_weights(os.path.join(folder, model + ".weights.h5"))
        save_file(own, os.path.join(folder, model + ".safetensors"))


def read(folder, model, *files):
    from safetensors import safe_open
    wrong = 0
    for file in files:
        m = build(model)
        m.load_weights(file)
        with safe_open(os.path.join(folder, model + ".safetensors"), "np") as own:
            bad = [path for v, (path, _) in zip(variables(m), rows(model)) if not np.array_equal(np.asarray(v), own.get_tensor(path))]
        print(file, "differs:" if bad else "the same", *bad[:5])
        wrong += bool(bad)
    sys.exit(wrong > 0)


def names(folder, *models):
    from safetensors import safe_open
    print("# made by tests/tools/keras_h5.py names")
    for model in models:
        with h5py.File(os.path.join(folder, model + ".weights.h5")) as f, safe_open(os.path.join(folder, model + ".safetensors"), "np") as own:
            found = {}
            f.visititems(lambda name, o: found.setdefault(np.asarray(o).tobytes()[:64], name) and None if isinstance(o, h5py.Dataset) else None)
            for path, _ in rows(model):
                print(model, path, found[own.get_tensor(path).tobytes()[:64]], sep="\t")


if len(sys.argv) < 4 or sys.argv[1] not in ("write", "read", "names"):
    sys.exit(__doc__)
{"write": write, "read": read, "names": names}[sys.argv[1]](*sys.argv[2:])
