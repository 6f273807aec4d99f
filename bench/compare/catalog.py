"""What can be compared: stages, types, other programs, and the files that these load. Standard library only: the driver runs before the environment is there."""
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    model: str
    batch: int              # of one run
    bench: str              # the stage of `latentc bench`
    weights: str            # the stage whose files of weights it has
    graph: str = ""         # what `latentc bench` and `latentc run` take, in graphs/; "": the pipeline and the model of graphs/sd2


STAGES = {
    "guided_step": Stage("diffusion_model", 2, "guided_step", "guided_step"),
    "half_step": Stage("diffusion_model", 1, "guided_step", "guided_step"),
    "decoder": Stage("decoder", 1, "decoder", "decoder"),
    "text_encoder": Stage("text_encoder", 2, "text_encoder", "text_encoder"),
    "tiny_decoder": Stage("tiny_decoder", 1, "tiny_decoder", "tiny_decoder", "taesd/decoder.json"),
}
DTYPES = ("bf16", "f32", "int8")
ISAS = ("native", "avx2")


@dataclass(frozen=True)
class Peer:
    label: str
    f32: str                # the kind of file that it loads; "": it has no such mode
    bf16: str
    int8: str
    avx2: dict | None       # environment that limits it to AVX2; None: it cannot be limited


ONEDNN = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
TORCH = ONEDNN | {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
PEERS = {
    "openvino": Peer("OpenVINO", "openvino", "openvino", "openvino-int8", ONEDNN),
    "torch": Peer("PyTorch, torch.compile", "weights-f32", "weights-bf16", "", TORCH),
    "torch-eager": Peer("PyTorch, eager", "weights-f32", "weights-bf16", "", TORCH),
    "onnxruntime": Peer("ONNX Runtime", "onnx", "", "", None),
}


def left_out(peer, dtype, isa):
    """Why this program cannot take part; None: it can."""
    if not getattr(PEERS[peer], dtype):
        return f"there is no {dtype} of it here"
    if isa == "avx2" and dtype == "bf16":
        return "oneDNN has no bf16 limited to AVX2"
    if isa == "avx2" and PEERS[peer].avx2 is None:
        return "it cannot be limited to AVX2"
    return None


OUTLIERS = "-outliers"


def weights_name(seed, outliers):
    """What names weights in files and on command lines: "1"; or "1-outliers30", with outlier channels that are 30 times as large (synthetic.py)."""
    return f"{seed}{OUTLIERS}{outliers:g}" if outliers else str(seed)


def weights_of(name):
    """(seed, how many times as large outliers are; 0: there are none)"""
    seed, _, outliers = name.partition(OUTLIERS)
    return int(seed), float(outliers or 0)


FILES = {
    "weights-f32": "{weights}-seed{seed}-f32.safetensors",
    "weights-bf16": "{weights}-seed{seed}-bf16.safetensors",
    "weights-latentc": "{weights}-seed{seed}-latentc.safetensors",  # in the names and layouts of latentc
    "openvino": "{stage}-seed{seed}-{size}.xml",
    "openvino-int8": "{stage}-seed{seed}-{size}-int8.xml",
    "openvino-1": "{stage}-seed{seed}-{size}-batch1.xml",
    "onnx": "{stage}-seed{seed}-{size}.onnx",
    "inputs": "{stage}-seed{seed}-{size}-inputs.safetensors",
    "reference": "{stage}-seed{seed}-{size}-f64.safetensors",  # the outputs in double precision
}


def file_of(kind, stage, size, seed, folder):
    """seed: a number, or a name of weights_name"""
    return os.path.join(folder, FILES[kind].format(stage=stage, weights=STAGES[stage].weights, size=size, seed=seed))
