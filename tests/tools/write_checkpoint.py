#!/usr/bin/env python3
"""Writes checkpoints as other programs do, without them: names and shapes come from tests/data/weight-names.tsv, not from latentc's rules.

    write_checkpoint.py OWN.safetensors KIND OUT [OPTION...]

OWN: the weights of tests/data/narrow.json in latentc's own form, f32; with a parameter guidance_in of the diffusion model: a folder of an LCM whose U-Net
takes the guidance scale as an input. KIND: diffusers (a folder, with configs and tokenizer) or ldm (one file). Options:
    f16 bf16         type of what is written, rounded to nearest even
    variant=NAME     model.NAME.safetensors
    shards=N         N files and an index for each component
    bare             text encoder's names without "text_model."
    legacy           old names of the autoencoder's attention, and its kernels as 1x1 convolutions
    extra            what real files have beyond the models: averages, position ids, the last text layer
    prediction=KIND  epsilon or v_prediction
    f8=SCALES        kernels and embeddings as F8_E4M3. SCALES: none (the numbers are rounded), one for each tensor (X.scale_weight and a tensor scaled_fp8)
                     or rows (X.weight_scale, one for each output channel)
    decoded          with f8: the same numbers as F32
    sd1              Stable Diffusion 1.x: the weights of tests/data/narrow-sd1.json, and the names, convolutions and configs that this version has
    bk-small         of a U-Net with one block per level and no middle, as BK-SDM small's: OWN has the weights of such a model
    tokenizer        tokenizer.json alone, instead of vocab.json and merges.txt"""
import array
import json
import os
import struct
import sys

from own_weights import read_safetensors, to_torch

HERE = os.path.dirname(os.path.abspath(__file__))
own, kind, out, options = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
sd1 = "sd1" in options
values = dict(o.split("=") for o in options if "=" in o)


def encode(x):
    if "bf16" in options:
        return "BF16", array.array("H", [(b + 0x7fff + (b >> 16 & 1)) >> 16 for b in array.array("I", x.tobytes())]).tobytes()
    if "f16" in options:
        return "F16", struct.pack("<%de" % len(x), *x)
    return "F32", x.tobytes()


def write_safetensors(path, tensors):
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, (shape, x) in tensors.items():
        dtype, blob = ("F8_E4M3", x.tobytes()) if isinstance(x, Eights) else encode(x) if isinstance(x, array.array) and x.typecode == "f" else ("I64", x.tobytes())
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for b in blobs:
            f.write(b)


class Eights(array.array):
    """Numbers of 8 bits."""


def float8_table():
    """For each f16, as its bits, the nearest float8_e4m3fn; and the value of each of these."""
    rows = [line.split() for line in open(os.path.join(HERE, "..", "data", "float8.txt"))]
    values_of = [struct.unpack("<f", struct.pack("<I", int(r[1], 16)))[0] for r in rows]
    positive = values_of[:127]
    halves = struct.unpack("<32768e", struct.pack("<32768H", *range(32768)))
    nearest, k = [], 0
    for h in halves:
        while k < 126 and h > (positive[k] + positive[k + 1]) / 2:
            k += 1
        nearest.append(k)
    return nearest + [n | 128 for n in nearest], values_of


def as_float8(files):
    nearest, values_of = float8_table()
    for tensors in files.values():
        for name, (shape, x) in list(tensors.items()):
            if not name.endswith("weight") or len(shape) < 2:
                continue
            rows = shape[0] if values["f8"] == "rows" else 1
            width, q, y, scales = len(x) // rows, Eights("B"), array.array("f"), array.array("f")
            for r in range(rows):
                row = x[r * width:(r + 1) * width]
                scale = 1.0 if values["f8"] == "none" else array.array("f", [max(map(abs, row)) / 448 or 1.0])[0]
                scales.append(scale)
                halves = struct.unpack("<%dH" % width, struct.pack("<%de" % width, *[v / scale for v in row]))
                eights = [nearest[h] for h in halves]
                q.extend(eights)
                y.extend([values_of[e] * scale for e in eights])
            tensors[name] = (shape, y if "decoded" in options else q)
            if "decoded" not in options and values["f8"] == "one":
                tensors[name[:-6] + "scale_weight"] = ([], scales)
                tensors[name[:-6] + "scale_input"] = ([], array.array("f", [1.0]))
            elif "decoded" not in options and rows > 1:
                tensors[name + "_scale"] = ([rows, 1], scales)
        if values["f8"] == "one" and "decoded" not in options:
            tensors["scaled_fp8"] = ([0], Eights("B"))


def table():
    for line in open(os.path.join(HERE, "..", "data", "weight-names.tsv")):
        if not line.startswith("#"):
            yield line.rstrip("\n").split("\t")


def renamed():
    """component or "" -> {name: (shape, values)}"""
    weights, files = read_safetensors(own), {}
    guidance = weights.pop("diffusion_model/time.cond_proj.kernel", None)
    if guidance and kind == "diffusers":
        LCM["unet/config.json"] = {"time_cond_proj_dim": guidance[0][0]}
        s, x = to_torch(*guidance)
        files["unet"] = {"time_embedding.cond_proj.weight": (s[:2], x)}
    for model, path, _, name, old, shape, ldm, *_ in table():
        if sd1 and model + "/" + path not in weights and path.startswith("layers."):
            continue
        if "bk-small" in options and model + "/" + path not in weights:
            continue
        s, x = weights.pop(model + "/" + path)
        if sd1 and model == "text_encoder":
            ldm = name.replace("text_encoder/", "cond_stage_model.transformer.")
        if path.endswith("kernel"):
            s, x = to_torch(s, x)
            if sd1 and model == "diffusion_model" and path.split(".")[-2] in ("proj1", "proj2"):
                s, shape = s + [1, 1], "1x1x1x1"
            if kind == "diffusers" and shape.count("x") == 1 and "legacy" not in options:
                s = s[:2]
        if kind == "ldm":
            ldm, _, part = ldm.partition("[")
            if part and ldm in files.setdefault("", {}):
                s0, x0 = files[""][ldm]
                s, x = [s0[0] + s[0]] + s[1:], x0 + x
            files.setdefault("", {})[ldm] = (s, x)
            continue
        component, name = (old if "legacy" in options and old != "-" else name).split("/")
        files.setdefault(component, {})[name.removeprefix("text_model.") if "bare" in options else name] = (s, x)
    assert not weights, weights.keys()
    return files


def add_extra(files):
    one = array.array("f", [0.5])
    if kind == "ldm" and sd1:
        for name in ["model_ema.decay", "model_ema.diffusion_modeltime_embed0weight", "alphas_cumprod", "cond_stage_model.logit_scale",
                     "cond_stage_model.transformer.text_projection.weight", "embedding_manager.embedder.transformer.text_model.final_layer_norm.bias"]:
            files[""][name] = ([1], one)
        files[""]["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ([1, 2], array.array("q", [0, 1]))
    elif kind == "ldm":
        for name in ["model_ema.decay", "model_ema.diffusion_modeltime_embed0weight", "alphas_cumprod", "cond_stage_model.model.logit_scale",
                     "cond_stage_model.model.text_projection", "cond_stage_model.model.transformer.resblocks.23.ln_1.weight"]:
            files[""][name] = ([1], one)
    else:
        files["text_encoder"]["text_model.embeddings.position_ids"] = ([1, 2], array.array("q", [0, 1]))
        files["text_encoder"]["text_projection.weight"] = ([1, 1], one)


def tokenizer(folder):
    os.makedirs(folder)
    merges = open(os.path.join(HERE, "..", "..", "graphs", "shapes", "merges.txt"), encoding="utf-8").read().split("\n")[1:]
    merges = [m for m in merges if m]
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    characters = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    tokens = characters + [c + "</w>" for c in characters] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    vocab = {t: i for i, t in enumerate(tokens)}
    json.dump({"pad_token": "<|endoftext|>" if sd1 else "!", "model_max_length": 32, "tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
               "unk_token": "<|endoftext|>"}, open(folder + "/tokenizer_config.json", "w"))
    if "tokenizer" in options:
        json.dump({"version": "1.0", "added_tokens": [{"id": vocab[t], "content": t, "special": True} for t in tokens[-2:]],
                   "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocab, "merges": [m.split(" ") for m in merges]}},
                  open(folder + "/tokenizer.json", "w"))
        return
    json.dump(vocab, open(folder + "/vocab.json", "w"))
    open(folder + "/merges.txt", "w", encoding="utf-8").write("#version: 0.2\n" + "\n".join(merges) + "\n")


CONFIGS = {
    "model_index.json": {
        "_class_name": "StableDiffusionPipeline", "requires_safety_checker": False, "safety_checker": [None, None], "feature_extractor": [None, None],
        "image_encoder": [None, None], "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]},
    "unet/config.json": {
        "_class_name": "UNet2DConditionModel", "block_out_channels": [16, 32, 64, 64], "attention_head_dim": [1, 2, 4, 4], "cross_attention_dim": 64,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "layers_per_block": 2, "norm_num_groups": 8, "norm_eps": 3e-5, "sample_size": 8, "in_channels": 4, "act_fn": "silu", "class_embed_type": None,
        "use_linear_projection": "legacy" not in options},
    "vae/config.json": {
        "_class_name": "AutoencoderKL", "block_out_channels": [16, 24, 32, 32], "layers_per_block": 2, "norm_num_groups": 8, "scaling_factor": 0.25,
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4},
    "text_encoder/config.json": {
        "architectures": ["CLIPTextModel"], "hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 23, "intermediate_size": 96,
        "vocab_size": 693, "max_position_embeddings": 32, "layer_norm_eps": 2e-5, "hidden_act": "gelu"},
    "scheduler/scheduler_config.json": {
        "_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_start": 0.001, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": values.get("prediction", "epsilon"), "timestep_spacing": "linspace", "clip_sample": False, "set_alpha_to_one": True},
}


# What Stable Diffusion 1.x has in place of these.
SD1 = {
    "unet/config.json": {"block_out_channels": [32, 64, 96, 96], "attention_head_dim": 4, "use_linear_projection": False},
    "text_encoder/config.json": {"num_hidden_layers": 12, "hidden_act": "quick_gelu"},
    "scheduler/scheduler_config.json": {
        "_class_name": "PNDMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False},
}


LCM = {  # of models that take the guidance scale as an input; with unet/config.json
    "model_index.json": {"_class_name": "LatentConsistencyModelPipeline", "scheduler": ["diffusers", "LCMScheduler"]},
    "scheduler/scheduler_config.json": {"_class_name": "LCMScheduler", "timestep_spacing": "leading", "original_inference_steps": 50}}


def write_component(folder, stem, tensors):
    dot = "." + values["variant"] if "variant" in values else ""
    n = int(values.get("shards", 1))
    if n == 1:
        write_safetensors("%s/%s%s.safetensors" % (folder, stem, dot), tensors)
        return
    names, weight_map = list(tensors), {}
    for k in range(n):
        file, mine = "%s%s-%05d-of-%05d.safetensors" % (stem, dot, k + 1, n), names[k::n]
        write_safetensors(folder + "/" + file, {m: tensors[m] for m in mine})
        weight_map.update({m: file for m in mine})
    json.dump({"metadata": {"total_size": 0}, "weight_map": weight_map}, open("%s/%s.safetensors.index%s.json" % (folder, stem, dot), "w"))


files = renamed()
if "extra" in options:
    add_extra(files)
if "f8" in values:
    as_float8(files)
if kind == "diffusers":
    channels = files["unet"]["conv_in.weight"][0][1]
    CONFIGS["unet/config.json"]["in_channels"] = channels
    if "bk-small" in options:
        CONFIGS["unet/config.json"].update({"layers_per_block": 1, "mid_block_type": None})
    if channels == 9:
        CONFIGS["model_index.json"].update({"_class_name": "StableDiffusionInpaintPipeline", "_diffusers_version": "0.42.0"})
if kind == "ldm":
    write_safetensors(out, files[""])
else:
    for name, config in CONFIGS.items():
        if sd1 and name in SD1:
            config = SD1[name] if name.startswith("scheduler") else {**config, **SD1[name]}
        if "unet/config.json" in LCM:
            config = {**config, **LCM.get(name, {})}
        os.makedirs(os.path.dirname(out + "/" + name), exist_ok=True)
        json.dump(config, open(out + "/" + name, "w"))
    tokenizer(out + "/tokenizer")
    for component, tensors in files.items():
        write_component(out + "/" + component, "model" if component == "text_encoder" else "diffusion_pytorch_model", tensors)
