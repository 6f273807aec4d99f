#!/usr/bin/env python3
"""same_tensors.py A.safetensors B.safetensors: have both the same tensors, in name, type, shape and every bit? Says where they differ."""
import json
import struct
import sys


def read(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]]) for k, v in header.items()}


a, b = read(sys.argv[1]), read(sys.argv[2])
wrong = [k for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
if wrong or not a:
    sys.exit("%s and %s: %d of %d tensors differ, the first is %s" % (sys.argv[1], sys.argv[2], len(wrong), len(a), wrong[0] if wrong else "none"))
