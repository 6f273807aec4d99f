"""peers.py PEER STAGE DTYPE SIZE SEED FOLDER THREADS: one peer with one model, alive for a whole comparison. SEED: a name of catalog.weights_name

Prints one line of JSON when the model has run once ({"load": s, "first": s, "version": ...}), then answers every line on standard input with one:
"run" -> {"seconds": s}, one inference; "save FILE" -> {"saved": FILE}, the last output in latentc's layout.
"""
import json
import os
import sys
import time
import warnings

START = time.perf_counter()
warnings.filterwarnings("ignore")
REAL_STDOUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print does not reach the driver

import numpy as np  # noqa: E402

import catalog  # noqa: E402
import stages  # noqa: E402


def openvino(stage, dtype, path, threads):
    import openvino as ov
    core = ov.Core()
    compiled = core.compile_model(path, "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "bf16" if dtype == "int8" else dtype})
    request = compiled.create_infer_request()

    def run(values):
        request.infer(values, share_inputs=True)
        return request.get_output_tensor(0).data
    hint = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    return run, ov.get_version(), {"precision": hint, "isa": sorted(set(kinds(compiled)))}


def kinds(compiled):
    """The implementations that OpenVINO chose for its convolutions and products: they name the instruction set."""
    for node in compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        if str(info["layerType"].astype(str)) in ("Convolution", "FullyConnected", "MatMul"):
            yield str(info["primitiveType"].astype(str))


def torch_module(stage, dtype, path, threads):
    import torch
    import models
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    module = models.load(stage, path).to(memory_format=torch.channels_last)
    kind = {"f32": torch.float32, "bf16": torch.bfloat16}[dtype]

    def runner(f):
        def run(values):
            values = [torch.from_numpy(v) for v in values]
            values = [v.to(kind, memory_format=torch.channels_last if v.ndim == 4 else torch.preserve_format) if v.is_floating_point() else v
                      for v in values]
            return f(*values).float().numpy()
        return run
    return module, runner, torch.__version__


def torch_facts():
    import torch
    return {"isa": [torch.backends.cpu.get_cpu_capability()]}


def torch_eager(stage, dtype, path, threads):
    module, runner, version = torch_module(stage, dtype, path, threads)
    return runner(module), version, torch_facts()


def torch_compiled(stage, dtype, path, threads):
    import torch
    module, runner, version = torch_module(stage, dtype, path, threads)
    return runner(torch.compile(module, dynamic=False)), version, torch_facts()


def onnxruntime(stage, dtype, path, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    return lambda values: session.run(None, dict(zip(names, values)))[0], ort.__version__, {}


RUNNERS = {"openvino": openvino, "torch": torch_compiled, "torch-eager": torch_eager, "onnxruntime": onnxruntime}


def answer(**what):
    print(json.dumps(what), file=REAL_STDOUT, flush=True)


def main():
    peer, stage, dtype, size, seed, folder, threads = sys.argv[1:]
    path = catalog.file_of(getattr(catalog.PEERS[peer], dtype), stage, int(size), seed, folder)
    values = stages.for_torch(stage, stages.inputs(stage, int(size), catalog.weights_of(seed)[0]))
    run, version, facts = RUNNERS[peer](stage, dtype, path, int(threads))
    loaded = time.perf_counter()
    output = run(values)
    answer(load=loaded - START, first=time.perf_counter() - loaded, version=version, **facts)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "run":
            start = time.perf_counter()
            output = run(values)
            answer(seconds=time.perf_counter() - start)
        elif command == "save":
            from safetensors.numpy import save_file
            save_file({"output": stages.from_torch(np.array(output, np.float32))}, rest)
            answer(saved=rest)


if __name__ == "__main__":
    main()
