"""rms.py GOT WANT: the relative rms error of `output` in one safetensors file against another's."""
import sys

import numpy as np
from safetensors.numpy import load_file

got, want = (load_file(path)["output"].astype(np.float64) for path in sys.argv[1:])
print(np.sqrt(np.mean((got - want) ** 2) / np.mean(want ** 2)))
