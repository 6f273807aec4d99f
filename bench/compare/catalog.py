"""What can be compared: stages, types, other programs, and the files that these load. Standard library only: the driver runs before the environment is there."""
import os
from dataclasses import dataclass

# stage of `latentc bench` -> (model, batch of one run)
STAGES = {"guided_step": ("diffusion_model", 2), "decoder": ("decoder", 1), "text_encoder": ("text_encoder", 2), "tiny_decoder": ("tiny_decoder", 1)}
# What `latentc bench` and `latentc run` take, in graphs/, where it is not the pipeline and the model of graphs/sd2.
GRAPHS = {"tiny_decoder": "taesd/decoder.json"}
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


FILES = {
    "weights-f32": "{stage}-seed{seed}-f32.safetensors",
    "weights-bf16": "{stage}-seed{seed}-bf16.safetensors",
    "openvino": "{stage}-seed{seed}-{size}.xml",
    "openvino-int8": "{stage}-seed{seed}-{size}-int8.xml",
    "openvino-1": "{stage}-seed{seed}-{size}-batch1.xml",
    "onnx": "{stage}-seed{seed}-{size}.onnx",
    "inputs": "{stage}-seed{seed}-{size}-inputs.safetensors",
    "reference": "{stage}-seed{seed}-{size}-f64.safetensors",  # the outputs in double precision
}


def file_of(kind, stage, size, seed, folder):
    return os.path.join(folder, FILES[kind].format(stage=stage, size=size, seed=seed))
