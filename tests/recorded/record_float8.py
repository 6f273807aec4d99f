#!/usr/bin/env python3
"""Writes tests/data/float8.txt: for every byte the bits of the f32 number that PyTorch makes of it as float8_e4m3fn and as float8_e5m2. Needs torch."""
import torch

bytes_ = torch.arange(256, dtype=torch.uint8)
columns = [bytes_.view(t).to(torch.float32).view(torch.int32) for t in (torch.float8_e4m3fn, torch.float8_e5m2)]
with open("tests/data/float8.txt", "w") as f:
    for i in range(256):
        f.write("%02x %08x %08x\n" % (i, *[int(c[i]) & 0xffffffff for c in columns]))
