#!/usr/bin/env python3
"""corpus_h5.py FOLDER: seeds for fuzz_h5 (tests/fuzz/corpus/h5): the first layers of an image encoder, a few numbers wide, as Keras and others write them. Needs h5py."""
import os
import sys

import h5py
import numpy as np

folder = sys.argv[1]
weights = {"conv": [("kernel", (3, 3, 3, 2)), ("bias", (2,))], "norm": [("gamma", (2,)), ("beta", (2,))], "swish": []}


def legacy(name, texts, chunks=1, **options):
    with h5py.File(os.path.join(folder, name), "w") as f:
        names = np.array(list(weights), dtype=texts)
        for k, part in enumerate(np.array_split(names, chunks)):
            f.attrs["layer_names" + (str(k) if chunks > 1 else "")] = part
        for layer, list_ in weights.items():
            g = f.create_group(layer)
            g.attrs["weight_names"] = np.array([layer + "/" + n for n, _ in list_], dtype=texts) if list_ else np.array([])
            for n, shape in list_:
                g.create_dataset(layer + "/" + n, data=np.ones(shape, "f4"), **(options if len(shape) > 1 else {}))


legacy("fixed.h5", "S8")
legacy("variable.h5", h5py.string_dtype())
legacy("cut.h5", "S8", chunks=2)
legacy("packed.h5", "S8", chunks=1, compression="gzip")
with h5py.File(os.path.join(folder, "keras3.weights.h5"), "w") as f:
    for at in ("padded_conv2d/conv2d", "group_normalization", "padded_conv2d_10/conv2d"):
        f["layers/%s/vars/0" % at] = np.ones((3, 3, 3, 2), "f4")
        f["layers/%s/vars/1" % at] = np.ones(2, "f2")
    f["layers/soft"] = h5py.SoftLink("/layers/padded_conv2d")
