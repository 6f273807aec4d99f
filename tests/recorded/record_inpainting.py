#!/usr/bin/env python3
"""Writes data/inpainting.txt: the latents that diffusers' StableDiffusionInpaintPipeline ends with, of a model that reads a mask and a masked picture
(in_channels 9): tests/data/narrow.json with mask_channels 5 and synthetic:5. Models and steps are in double; noise is drawn in f32, as in PyTorch's default.

    python3 tests/recorded/record_inpainting.py build/latentc        needs torch, diffusers, transformers, pillow

A line a picture: size, sampler, strength, guidance scale, seed, then the latent (4, height / 8, width / 8) after the loop, in the order of memory.
"""
import os
import subprocess
import sys
import tempfile
import warnings

import diffusers
import torch
from diffusers.models.autoencoders import vae
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_inpaint
from diffusers.schedulers import scheduling_euler_ancestral_discrete

import record_init_img
import record_sizes
import record_unets

TESTS = record_init_img.TESTS
SQUARE, ODD = (64, 64), (72, 104)
CASES = [(SQUARE, "ddim", 1.0, 4.0, 7), (SQUARE, "ddim", 1.0, 4.0, 8), (SQUARE, "ddim", 0.75, 4.0, 7), (SQUARE, "ddim", 0.75, 1.0, 7), (SQUARE, "euler", 1.0, 1.0, 7),
         (SQUARE, "euler", 0.5, 4.0, 7), (SQUARE, "dpm++2m", 1.0, 4.0, 7), (SQUARE, "plms", 1.0, 4.0, 7), (SQUARE, "euler_a", 0.75, 4.0, 7),
         (ODD, "ddim", 1.0, 4.0, 7), (ODD, "euler", 0.75, 4.0, 7)]


def folder(latentc, at):
    own, out = os.path.join(at, "own.safetensors"), os.path.join(at, "folder")
    pipeline = record_unets.pipeline_of({"mask_channels": 5}, at)
    subprocess.run([latentc, "weights", "convert", "synthetic:5", pipeline, "--to", "latentc", "-o", own], check=True)
    subprocess.run([sys.executable, os.path.join(TESTS, "tools", "write_checkpoint.py"), own, "diffusers", out], check=True)
    return out


def draw_in_f32(randn_tensor):
    return lambda shape, generator=None, device=None, dtype=None, layout=None: randn_tensor(shape, generator=generator, device=device,
                                                                                          dtype=torch.float32).to(dtype)


def main():
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    for module in vae, pipeline_stable_diffusion_inpaint, scheduling_euler_ancestral_discrete:
        module.randn_tensor = draw_in_f32(module.randn_tensor)
    with tempfile.TemporaryDirectory() as at:
        pipeline = diffusers.StableDiffusionInpaintPipeline.from_pretrained(folder(sys.argv[1], at), safety_checker=None, torch_dtype=torch.float64)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.unet.config.in_channels == 9
    pipeline.unet.time_proj = record_sizes.TimeEmbedding(pipeline.unet.config.block_out_channels[0])
    config = pipeline.scheduler.config
    with open(os.path.join(TESTS, "data", "inpainting.txt"), "w", encoding="utf-8") as out:
        out.write(f"# diffusers {diffusers.__version__}, PyTorch {torch.__version__}; see recorded/record_inpainting.py\n")
        for size, sampler, strength, scale, seed in CASES:
            name, more = record_init_img.CLASSES[sampler]
            pipeline.scheduler = getattr(diffusers, name + "Scheduler").from_config(config, **more)
            picture = record_init_img.rectangle(size, (35, 80, 220), (220, 30, 30), 20, 20, 44, 44)
            mask = record_init_img.rectangle(size, (0, 0, 0), (255, 255, 255), 27, 0, 64, 50)
            latent = pipeline("a red circle", negative_prompt="blurry", image=picture, mask_image=mask, width=size[0], height=size[1], strength=strength,
                              num_inference_steps=4, guidance_scale=scale, generator=torch.Generator("cpu").manual_seed(seed), output_type="latent").images[0]
            out.write(f"{size[0]}x{size[1]} {sampler} {strength:g} {scale:g} {seed} " + " ".join("%.8g" % v for v in latent.flatten().tolist()) + "\n")


if __name__ == "__main__":
    main()
