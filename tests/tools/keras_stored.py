"""keras_stored.py FILE.weights.h5: each dataset of a file of Keras 3 and its shape, a line each, sorted by name.

Made tests/data/keras/narrow_unet.tsv. Needs h5py."""
import sys

import h5py

lines = []
h5py.File(sys.argv[1]).visititems(
    lambda name, d: lines.append(f"{name}\t{'x'.join(map(str, d.shape))}") if isinstance(d, h5py.Dataset) else None)
print("# made by tests/tools/keras_stored.py")
print("\n".join(sorted(lines)))
