"""prepare.py KIND STAGE SIZE SEED FOLDER: one file that a program loads, if it is not there yet. Runs in a process of its own: exporting takes memory.

SEED: a name of catalog.weights_name
KIND: weights-f32, weights-bf16, weights-latentc (safetensors), openvino (IR), openvino-1 (IR for a batch of one), openvino-int8 (the IR, quantised
by NNCF), onnx, inputs (of the seed), reference (their outputs: the module in double precision)
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
import synthetic

warnings.filterwarnings("ignore")


def write_weights_f32(stage, seed, path):
    from safetensors.numpy import save_file
    save_file({name: tensor for name, _, tensor in models.synthetic_weights(stage, seed)}, path)


def write_weights_latentc(stage, seed, path):
    from safetensors.numpy import save_file
    save_file({name: synthetic.in_latentc_layout(tensor) if name.endswith(".kernel") else tensor
               for _, name, tensor in models.synthetic_weights(stage, seed)}, path)


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


def loop_inputs(compiled, stage, size):
    """What the model reads in a loop: a latent on its way from noise, with guidance in a batch of two, by the model's own predictions (DDIM)."""
    calls, guidance = 8, 7.5
    first = stages.inputs(stage, size, 2)
    names, batch = stages.arguments(stage), catalog.STAGES[stage].batch
    betas = np.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000) ** 2
    alphas = np.cumprod(1 - betas)
    latent = first["latent"][:1]
    for i in range(calls):
        t = 999 - i * 1000 // calls
        angles = t * np.exp(-np.log(10000.0) * np.arange(160) / 160)
        embedding = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)
        values = stages.for_torch(stage, first | {"latent": latent.repeat(batch, 0), "timestep_embedding": embedding[None].repeat(batch, 0)})
        yield dict(zip(names, values))
        output = stages.from_torch(compiled(values)[0])
        epsilon = output[:1] + guidance * (output[1:] - output[:1]) if batch == 2 else output
        a, b = alphas[t], alphas[max(t - 1000 // calls, 0)]
        image = (latent - (1 - a) ** 0.5 * epsilon) / a ** 0.5
        latent = (b ** 0.5 * image + (1 - b) ** 0.5 * epsilon).astype(np.float32)
        latent /= max(1.0, float(latent.std()))  # weights that were not trained make it grow


def write_openvino_int8(stage, size, source, path, seed):
    """Everything that NNCF quantises, with biases corrected; calibrated with what the loop reads or, of other models, with eight inputs."""
    import nncf
    import openvino as ov
    model = ov.Core().read_model(source)
    if catalog.STAGES[stage].model == "diffusion_model":
        compiled = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
        values = list(loop_inputs(compiled, stage, size))
        del compiled
    else:
        values = [dict(zip(stages.arguments(stage), stages.for_torch(stage, stages.inputs(stage, size, seed + i)))) for i in range(1, 9)]
    names = [i.get_any_name() for i in model.inputs]
    data = nncf.Dataset(values, lambda v: dict(zip(names, v.values())))
    ov.save_model(nncf.quantize(model, data, subset_size=len(values), model_type=nncf.ModelType.TRANSFORMER, fast_bias_correction=True), path, compress_to_fp16=False)


def write_onnx(stage, size, source, path):
    with torch.no_grad():
        torch.onnx.export(models.load(stage, source), example(stage, size), path, dynamo=True, external_data=True, verbose=False)


def write_inputs(stage, size, seed, path):
    from safetensors.numpy import save_file
    save_file(stages.inputs(stage, size, catalog.weights_of(seed)[0]), path)


def write_reference(stage, size, seed, source, path):
    from safetensors.numpy import save_file
    values = [torch.from_numpy(v) for v in stages.for_torch(stage, stages.inputs(stage, size, catalog.weights_of(seed)[0]))]
    with torch.no_grad():
        output = models.load(stage, source).double()(*(v.double() if v.is_floating_point() else v for v in values))
    save_file({"output": stages.from_torch(output.numpy())}, path)


def prepare(kind, stage, size, seed, folder):
    path = catalog.file_of(kind, stage, size, seed, folder)
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    made_from = {"weights-f32": None, "weights-latentc": None, "inputs": None, "openvino-int8": "openvino"}.get(kind, "weights-f32")
    source = made_from and prepare(made_from, stage, size, seed, folder)
    print(f"writing {path}", file=sys.stderr, flush=True)
    # A file counts as there under its own name only. What belongs to it (.bin, .data) is written first, under its final name.
    if kind == "weights-f32":
        write_weights_f32(stage, seed, path + ".part")
    elif kind == "weights-latentc":
        write_weights_latentc(stage, seed, path + ".part")
    elif kind == "inputs":
        write_inputs(stage, size, seed, path + ".part")
    elif kind == "weights-bf16":
        write_weights_bf16(stage, source, path + ".part")
    elif kind == "reference":
        write_reference(stage, size, seed, source, path + ".part")
    else:
        {"openvino": write_openvino, "openvino-1": partial(write_openvino, batch=1),
         "openvino-int8": partial(write_openvino_int8, seed=catalog.weights_of(seed)[0]), "onnx": write_onnx}[kind](stage, size, source, path)
        return path
    os.rename(path + ".part", path)
    return path


if __name__ == "__main__":
    kind, stage, size, seed, folder = sys.argv[1:]
    prepare(kind, stage, int(size), seed, folder)
