#!/usr/bin/env python3
"""compare_planes.py LATENT.safetensors BOUND VALUES: a generator's --save-latent (h, w, 4) against recorded values (4, h, w), one text with spaces between
them. Exit code 1 when the relative rms difference is above the bound; prints it."""
import struct
import sys

want = [float(v) for v in sys.argv[3].split()]
pixels = len(want) // 4
ours = struct.unpack(f"<{4 * pixels}f", open(sys.argv[1], "rb").read()[-16 * pixels:])
error = sum((ours[p * 4 + c] - want[c * pixels + p]) ** 2 for c in range(4) for p in range(pixels))
relative = (error / sum(v * v for v in want)) ** 0.5
print(f"relative rms {relative:.2g}")
sys.exit(not relative <= float(sys.argv[2]))
