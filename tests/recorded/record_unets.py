#!/usr/bin/env python3
"""Writes data/unets.txt: what diffusers' UNet2DConditionModel computes, in double, in the forms of data/unets.json; and data/bk-sdm-small.png: the picture
that its StableDiffusionPipeline draws with the second of them, for e2e/test_small_unets.

    python3 tests/recorded/record_unets.py build/latentc        needs torch, diffusers, transformers

latentc writes the narrow model of each form, with synthetic:5, as a folder of diffusers'. diffusers reads it: its config says the form there, and every
tensor must be one that diffusers expects. Inputs are those of record_sizes.py. A line a form, as there: width "narrow", the form, size of the picture, number
of results, their sum, the sum of their squares, a step, samples.
"""
import json
import os
import subprocess
import sys
import tempfile

import diffusers
import torch

import record_sizes

TESTS = record_sizes.TESTS
SIZES = ["40x56"]


def pipeline_of(form, at):
    """A pipeline file: narrow.json with the parameters of the form."""
    with open(os.path.join(TESTS, "data", "narrow.json"), encoding="utf-8") as file:
        pipeline = json.load(file)
    for model in pipeline["models"].values():
        model["graph"] = os.path.join(TESTS, "data", model["graph"])
    pipeline["models"]["diffusion_model"]["parameters"].update(form)
    path = os.path.join(at, "pipeline.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(pipeline, file)
    return path


def folder_of(form, at):
    out = os.path.join(at, "folder")
    subprocess.run([sys.argv[1], "weights", "convert", "synthetic:5", pipeline_of(form, at), "--to", "diffusers", "-o", out], check=True)
    return out


def load(form):
    with tempfile.TemporaryDirectory() as at:
        folder = folder_of(form, at)
        unet, info = diffusers.UNet2DConditionModel.from_pretrained(os.path.join(folder, "unet"), output_loading_info=True)
    assert not any(info.values()), info
    unet = unet.double().eval()
    unet.time_proj = record_sizes.TimeEmbedding(unet.config.block_out_channels[0])
    return unet


def picture(form):
    with tempfile.TemporaryDirectory() as at:
        own, folder = os.path.join(at, "own.safetensors"), os.path.join(at, "folder")
        subprocess.run([sys.argv[1], "weights", "convert", "synthetic:5", pipeline_of(form, at), "--to", "latentc", "-o", own], check=True)
        subprocess.run([sys.executable, os.path.join(TESTS, "tools", "write_checkpoint.py"), own, "diffusers", folder, "bk-small"], check=True)
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline("a red circle", negative_prompt="blurry", width=64, height=64, num_inference_steps=8, guidance_scale=4.0,
             generator=torch.Generator("cpu").manual_seed(7)).images[0].save(os.path.join(TESTS, "data", "bk-sdm-small.png"))


def main():
    torch.set_grad_enabled(False)
    with open(os.path.join(TESTS, "data", "unets.json"), encoding="utf-8") as file:
        forms = json.load(file)
    forms.pop("about")
    picture(forms["bk-sdm-small"])
    with open(os.path.join(TESTS, "data", "unets.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_unets.py\n")
        for name, form in forms.items():
            unet = load(form)
            for size in SIZES:
                w, h = map(int, size.split("x"))
                inputs = [record_sizes.waves(0, h // 8, w // 8, 4)]
                if form.get("mask_channels"):
                    inputs.append(record_sizes.waves(1, h // 8, w // 8, form["mask_channels"]))
                context = record_sizes.waves(len(inputs) + 1, 32, 64)
                latent = torch.cat([record_sizes.nchw(x) for x in inputs], 1)
                record_sizes.record(out, "narrow", name, size, unet(latent, record_sizes.TIMESTEP, context[None]).sample)


if __name__ == "__main__":
    main()
