"""The part of same_pictures.py that needs diffusers; runs in the environment.

diffusers_pictures.py make DIR     Stable Diffusion 2's folder with the weights of synthetic:1, every file written by diffusers and transformers
diffusers_pictures.py inputs DIR SIZE   picture-SIZE.png and mask-SIZE.png, to start from
diffusers_pictures.py draw         the pictures that the JSON on standard input asks for
diffusers_pictures.py turbo        the same of a folder in SD-Turbo's form, with its own scheduler and without guidance
diffusers_pictures.py psnr         of the pairs of files in it
"""
import json
import os
import sys
import tempfile
import warnings

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "bench", "compare"))
warnings.filterwarnings("ignore")
torch.set_grad_enabled(False)


def tokenizer(folder):
    """The small vocabulary of graphs/shapes in the form of CLIP's: bytes, bytes at a word's end, merges, two special tokens."""
    from transformers import CLIPTokenizer
    with open(os.path.join(ROOT, "graphs", "shapes", "merges.txt"), encoding="utf-8") as file:
        merges = [line for line in file.read().split("\n")[1:] if line]
    shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters = [chr(b) for b in shown] + [chr(256 + n) for n in range(256 - len(shown))]
    vocab = letters + [x + "</w>" for x in letters] + ["".join(m.split()) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({v: i for i, v in enumerate(vocab)}, file, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"), model_max_length=77, pad_token="!")


def fill(model, module, names):
    """synthetic:1 in the order of its own rules; names: of the modules whose weights it knows."""
    import synthetic
    norms = {n for n, m in module.named_modules() if isinstance(m, (torch.nn.GroupNorm, torch.nn.LayerNorm))}
    for name, parameter in module.named_parameters():
        layer, leaf = name.rsplit(".", 1)
        if layer.startswith(names):
            parameter.copy_(torch.from_numpy(synthetic.weight(model, 1, layer, leaf, tuple(parameter.shape), layer in norms)))


def make(folder):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=64, in_channels=4, out_channels=4, attention_head_dim=[5, 10, 20, 20], block_out_channels=[320, 640, 1280, 1280],
        cross_attention_dim=1024, down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3, use_linear_projection=True).eval()
    vae = AutoencoderKL(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, block_out_channels=[128, 256, 512, 512],
                        layers_per_block=2, latent_channels=4, sample_size=512).eval()
    text = CLIPTextModel(CLIPTextConfig(vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
                                        max_position_embeddings=77, hidden_act="gelu", projection_dim=512)).eval()
    fill("diffusion_model", unet, "")
    fill("decoder", vae, ("decoder", "post_quant_conv"))  # the encoder keeps what PyTorch starts with: no picture here needs it
    fill("text_encoder", text, "")
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, steps_offset=1, clip_sample=False,
                              set_alpha_to_one=False)
    with tempfile.TemporaryDirectory() as files:
        pipeline = StableDiffusionPipeline(vae=vae, text_encoder=text, tokenizer=tokenizer(files), unet=unet, scheduler=scheduler, safety_checker=None,
                                           feature_extractor=None, requires_safety_checker=False)
        pipeline.save_pretrained(folder + ".part")
    os.rename(folder + ".part", folder)


def inputs(folder, size):
    """A picture of hills and a disc, and a mask whose edge does not keep to cells of 8 pixels."""
    from PIL import Image
    y, x = np.mgrid[0:size, 0:size] / size
    rgb = np.stack([np.sin(5 * x + 2 * y), np.cos(7 * y - 3 * x * x), x - y], -1) * 100 + 128
    rgb[(x - 0.4) ** 2 + (y - 0.6) ** 2 < 0.06] = (230, 40, 30)
    mask = (x - 0.62) ** 2 + (y - 0.45) ** 2 < 0.09
    for name, values in (("picture", rgb), ("mask", np.repeat(mask[:, :, None] * 255, 3, 2))):
        path = os.path.join(folder, f"{name}-{size}.png")
        Image.fromarray(values.round().astype(np.uint8)).save(path + ".part", format="PNG")
        os.rename(path + ".part", path)


def pipeline_of(start, loaded, request):
    """The pipeline for what pictures start from, with the parts of the one that is loaded, and what it is called with beside the rest."""
    import diffusers
    from PIL import Image
    size = {"height": request["size"], "width": request["size"]}
    if start == "noise":
        return loaded, size
    image = {"image": Image.open(request["picture"]), "strength": request["strength"]}
    if start == "picture":
        pipeline, more = diffusers.StableDiffusionImg2ImgPipeline(**loaded.components, requires_safety_checker=False), image
    else:
        pipeline = diffusers.StableDiffusionInpaintPipeline(**loaded.components, requires_safety_checker=False)
        more = {**image, **size, "mask_image": Image.open(request["mask"])}
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, more


def draw(request):
    import diffusers
    classes = {"ddim": ("DDIM", {}), "euler": ("EulerDiscrete", {}), "dpm++2m": ("DPMSolverMultistep", {}), "pndm": ("PNDM", {}),
               "plms": ("PNDM", {"skip_prk_steps": True}), "euler_a": ("EulerAncestralDiscrete", {}), "heun": ("HeunDiscrete", {}),
               "lms": ("LMSDiscrete", {}), "dpm++2m_sde": ("DPMSolverMultistep", {"algorithm_type": "sde-dpmsolver++"}),
               "unipc": ("UniPCMultistep", {}), "ddpm": ("DDPM", {})}
    predictions = {"epsilon": "epsilon", "v": "v_prediction"}
    pipeline, loaded = None, None
    for start, sampler, prediction, dtype, path in request["jobs"]:
        if dtype != loaded:
            pipeline, loaded = None, dtype
            pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
                request["folder"], torch_dtype={"f32": torch.float32, "bf16": torch.bfloat16}[dtype], safety_checker=None)
            pipeline.set_progress_bar_config(disable=True)
            config = pipeline.scheduler.config
        # as users of diffusers choose another scheduler: the folder's spacing and offset stay
        name, more = classes[sampler]
        pipeline.scheduler = getattr(diffusers, name + "Scheduler").from_config(config, prediction_type=predictions[prediction], **more)
        call, more = pipeline_of(start, pipeline, request)
        image = call(request["prompt"], negative_prompt=request["negative"], num_inference_steps=request["steps"], guidance_scale=request["scale"],
                     generator=torch.Generator("cpu").manual_seed(request["seed"]), **more).images[0]
        image.save(path + ".part", format="PNG")
        os.rename(path + ".part", path)
        print(path, file=sys.stderr, flush=True)


def turbo(request):
    from diffusers import StableDiffusionPipeline
    pipeline = StableDiffusionPipeline.from_pretrained(request["folder"], torch_dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    for steps, path in request["jobs"]:
        image = pipeline(request["prompt"], num_inference_steps=steps, guidance_scale=0.0, height=request["size"], width=request["size"],
                         generator=torch.Generator("cpu").manual_seed(request["seed"])).images[0]
        image.save(path + ".part", format="PNG")
        os.rename(path + ".part", path)
        print(path, file=sys.stderr, flush=True)


def psnr(pairs):
    from PIL import Image
    out = []
    for pair in pairs:
        a, b = (np.asarray(Image.open(p), np.float64) for p in pair)
        out.append(float(10 * np.log10(255 ** 2 / max(np.mean((a - b) ** 2), 1e-10))))
    print(json.dumps(out))


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "make":
        make(sys.argv[2])
    elif what == "inputs":
        inputs(sys.argv[2], int(sys.argv[3]))
    else:
        {"draw": draw, "turbo": turbo, "psnr": psnr}[what](json.load(sys.stdin))
