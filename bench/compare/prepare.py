"""prepare.py KIND STAGE SIZE SEED FOLDER: one file that a peer loads, if it is not there yet. Runs in a process of its own: exporting takes memory.

KIND: weights-f32, weights-bf16 (safetensors), openvino (IR), openvino-1 (IR for a batch of one), onnx, inputs (of the
seed), reference (their outputs: the module in double precision)
"""
import os
import sys
import warnings
from functools import partial

import numpy as np
import torch

import catalog
import models
import stages

warnings.filterwarnings("ignore")


def write_weights_f32(stage, seed, path):
    from safetensors.numpy import save_file
    save_file(models.synthetic_weights(stage, seed), path)


def write_weights_bf16(stage, source, path):
    from safetensors.torch import load_file, save_file
    save_file({n: t.to(torch.bfloat16) for n, t in load_file(source).items()}, path)


def example(stage, size):
    return tuple(torch.from_numpy(np.array(x)) for x in stages.for_torch(stage, stages.inputs(stage, size, 1)))


def write_openvino(stage, size, source, path, batch=None):
    import openvino as ov
    values = tuple(v[:batch] for v in example(stage, size))
    with torch.no_grad():
        m = ov.convert_model(models.load(stage, source), example_input=values, input=[tuple(v.shape) for v in values])
    ov.save_model(m, path, compress_to_fp16=False)


def write_onnx(stage, size, source, path):
    with torch.no_grad():
        torch.onnx.export(models.load(stage, source), example(stage, size), path, dynamo=True, external_data=True, verbose=False)


def write_inputs(stage, size, seed, path):
    from safetensors.numpy import save_file
    save_file(stages.inputs(stage, size, seed), path)


def write_reference(stage, size, seed, source, path):
    from safetensors.numpy import save_file
    values = [torch.from_numpy(v) for v in stages.for_torch(stage, stages.inputs(stage, size, seed))]
    with torch.no_grad():
        output = models.load(stage, source).double()(*(v.double() if v.is_floating_point() else v for v in values))
    save_file({"output": stages.from_torch(output.numpy())}, path)


def prepare(kind, stage, size, seed, folder):
    path = catalog.file_of(kind, stage, size, seed, folder)
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    source = None if kind in ("weights-f32", "inputs") else prepare("weights-f32", stage, size, seed, folder)
    print(f"writing {path}", file=sys.stderr, flush=True)
    # A file counts as there under its own name only. What belongs to it (.bin, .data) is written first, under its final name.
    if kind == "weights-f32":
        write_weights_f32(stage, seed, path + ".part")
    elif kind == "inputs":
        write_inputs(stage, size, seed, path + ".part")
    elif kind == "weights-bf16":
        write_weights_bf16(stage, source, path + ".part")
    elif kind == "reference":
        write_reference(stage, size, seed, source, path + ".part")
    else:
        {"openvino": write_openvino, "openvino-1": partial(write_openvino, batch=1), "onnx": write_onnx}[kind](stage, size, source, path)
        return path
    os.rename(path + ".part", path)
    return path


if __name__ == "__main__":
    kind, stage, size, seed, folder = sys.argv[1:]
    prepare(kind, stage, int(size), int(seed), folder)
