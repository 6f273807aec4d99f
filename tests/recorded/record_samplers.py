#!/usr/bin/env python3
"""Writes data/samplers.txt and data/noise-*.txt: what diffusers' schedulers and PyTorch's generators give.

    python3 tests/recorded/record_samplers.py            needs torch, diffusers, scipy; with a CUDA device, its noise too
    python3 tests/recorded/record_samplers.py --noise    noise alone: needs torch

diffusers computes schedules and some updates in float32. So that samplers can be compared to many more digits than pictures need, its own
source is run here with float64 in place of float32; alphas_cumprod alone is rounded to float32, as it is in latentc.

The model is a function that the test has too: of its input and its answer, both rounded to float32. Noise is a function too.
"""
import functools
import importlib.util
import inspect
import math
import os
import re
import sys
import types

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
SHAPE = (1, 4, 2, 2)
COUNT = math.prod(SHAPE)
SD2 = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


@functools.cache
def in_double(module_name):
    """A module of diffusers.schedulers that computes in float64."""
    spec = importlib.util.find_spec("diffusers.schedulers." + module_name)
    with open(spec.origin) as f:
        source = f.read()
    source = re.sub(r"\b(torch|np)\.float32\b", r"\1.float64", source)
    source = source.replace("torch.cumprod(self.alphas, dim=0)", "torch.cumprod(self.alphas, dim=0).float().double()")
    module = types.ModuleType("double_" + module_name)
    module.__package__ = "diffusers.schedulers"
    sys.modules[module.__name__] = module
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    return module


class Waves:
    """Noise number i of draw d, rounded to float32; draw 0 is what a picture starts from."""

    def __init__(self):
        self.draw = 0

    def __call__(self, shape, **_):
        i = torch.arange(math.prod(shape), dtype=torch.float64)
        value = 1.4 * torch.sin(12.9898 * (i + 1) + 78.233 * self.draw)
        self.draw += 1
        return value.float().double().reshape(shape)


def model(x, t):
    i = torch.arange(COUNT, dtype=torch.float64).reshape(SHAPE)
    return (0.6 * x.float().double() + 0.5 * torch.cos(0.011 * float(t) + 0.7 * i)).float().double()


# our name: module, class, config that is not the schedule's
SCHEDULERS = {
    "ddim": ("scheduling_ddim", "DDIMScheduler", {}),
    "pndm": ("scheduling_pndm", "PNDMScheduler", {"skip_prk_steps": True}),
    "pndm_prk": ("scheduling_pndm", "PNDMScheduler", {"skip_prk_steps": False}),
    "euler": ("scheduling_euler_discrete", "EulerDiscreteScheduler", {}),
    "euler_a": ("scheduling_euler_ancestral_discrete", "EulerAncestralDiscreteScheduler", {}),
    "heun": ("scheduling_heun_discrete", "HeunDiscreteScheduler", {}),
    "lms": ("scheduling_lms_discrete", "LMSDiscreteScheduler", {}),
    "dpm++2m": ("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpm++2m_sde": ("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": ("scheduling_unipc_multistep", "UniPCMultistepScheduler", {}),
    "lcm": ("scheduling_lcm", "LCMScheduler", {}),
    "ddpm": ("scheduling_ddpm", "DDPMScheduler", {}),
}
# our words for a scheduler's config, in the order of the file
WORDS = {
    "spacing": lambda c: c["timestep_spacing"],
    "steps_offset": lambda c: c["steps_offset"],
    "karras": lambda c: int(c.get("use_karras_sigmas", False)),
    "prediction": lambda c: {"epsilon": "epsilon", "v_prediction": "v"}[c["prediction_type"]],
    "final_alpha": lambda c: int(c.get("set_alpha_to_one", True)),
    "final_sigma_least": lambda c: int(c.get("final_sigmas_type", "zero") == "sigma_min"),
    "full_order_last": lambda c: int(not c.get("lower_order_final", True)),
    "clip": lambda c: -1 if c["clip_sample"] is None else c.get("clip_sample_range", 1.0) if c["clip_sample"] else 0,
    "zero_snr": lambda c: int(c.get("rescale_betas_zero_snr", False)),
}


def record(name, steps, eta=0.0, **config):
    module_name, class_name, fixed = SCHEDULERS[name]
    module = in_double(module_name)
    cls = getattr(module, class_name)
    config = {"timestep_spacing": "leading", "steps_offset": 1, "prediction_type": "epsilon", "clip_sample": False, "set_alpha_to_one": False,
              **SD2, **fixed, **config}
    taken = inspect.signature(cls.__init__).parameters
    scheduler = cls(**{k: v for k, v in config.items() if k in taken and v is not None})
    waves = Waves()
    module.randn_tensor = waves
    scheduler.set_timesteps(steps)
    x = waves(SHAPE) * float(scheduler.init_noise_sigma)
    extra = {"eta": eta} if name == "ddim" else {}
    for t in scheduler.timesteps:
        asked = scheduler.scale_model_input(x, t)
        x = scheduler.step(model(asked, t), t, x, **extra).prev_sample
        assert x.dtype == torch.float64, name
    if name in ("euler", "euler_a", "heun", "lms"):  # in variance-exploding units
        x = x / (float(scheduler.sigmas[-1]) ** 2 + 1) ** 0.5
    words = " ".join(f"{k}={word(config)}" for k, word in WORDS.items())
    values = " ".join(f"{v:.11g}" for v in x.flatten().tolist())
    assert all(map(math.isfinite, x.flatten().tolist())), (name, steps, config)
    return f"sampler={name} steps={steps} eta={eta:g} {words} : {values}"


def cases():
    for name in SCHEDULERS:
        lcm = name == "lcm"
        counts = [4, 5, 20] if name == "pndm_prk" else [1, 2, 5, 20]
        karras = name in ("euler", "heun", "lms", "dpm++2m", "dpm++2m_sde", "unipc")
        for steps in counts:
            for spacing in ["leading"] if lcm else ["leading", "linspace", "trailing"]:
                for prediction in ["epsilon", "v_prediction"]:
                    yield name, steps, dict(timestep_spacing=spacing, prediction_type=prediction)
            for spacing in ["leading", "linspace"] if karras else []:
                yield name, steps, dict(timestep_spacing=spacing, use_karras_sigmas=True, prediction_type="v_prediction")
        if name in ("ddim", "pndm", "pndm_prk"):
            yield name, 7, dict(set_alpha_to_one=True)
            yield name, 30, dict(timestep_spacing="trailing")
            yield name, 25, dict(timestep_spacing="linspace")
        if name in ("euler", "dpm++2m", "dpm++2m_sde", "unipc"):
            yield name, 5, dict(final_sigmas_type="sigma_min")
            yield name, 20, dict(final_sigmas_type="sigma_min", use_karras_sigmas=True)
        if name in ("dpm++2m", "dpm++2m_sde"):
            for steps in 14, 15:
                yield name, steps, dict(final_sigmas_type="sigma_min")
        if name in ("euler", "lms", "pndm", "dpm++2m"):
            yield name, 5, dict(clip_sample=True)  # which they do not know
        if name in ("dpm++2m", "dpm++2m_sde", "unipc"):
            yield name, 6, dict(final_sigmas_type="sigma_min", lower_order_final=False)
        if name in ("ddim", "ddpm", "lcm", "heun"):
            yield name, 5, dict(clip_sample=True)
            yield name, 5, dict(clip_sample=True, clip_sample_range=0.5)
        yield name, 5, dict(clip_sample=None)  # left to the class
        if name in ("ddim", "ddpm", "lcm", "euler", "euler_a", "dpm++2m", "dpm++2m_sde", "unipc"):
            yield name, 5, dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
        if name in ("pndm", "pndm_prk", "heun", "lms"):  # which do not know it
            yield name, 6, dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
        if name == "ddim":
            for spacing in "leading", "trailing":
                yield name, 5, dict(eta=0.5, timestep_spacing=spacing)
            yield name, 5, dict(eta=1.0, prediction_type="v_prediction")
        if name in ("ddim", "ddpm"):
            yield name, 300, dict()


NOISE = {  # sizes of tensors drawn one after the other from one seed
    "cpu": ((1, 1, 1), (15, 3), (16,), (17, 33), (256, 256), (1000, 5, 16384)),
    "cuda": ((1, 1, 1), (15, 3), (17, 33, 17), (1024, 1024), (16384, 16384, 16384), (65536, 65536, 65536), (262144, 16)),
}


def record_noise(device):
    for seed in 0, 1, 42, 123456789012345, 2**63 - 1:
        for sizes in NOISE[device]:
            generator = torch.Generator(device).manual_seed(seed)
            for draw, n in enumerate(sizes):
                x = torch.randn(n, generator=generator, device=device, dtype=torch.float32).tolist()
                shown = range(n) if n <= 40 else [*range(12), *range(n - 20, n)]
                yield f"seed={seed} sizes={','.join(map(str, sizes))} draw={draw} : " + " ".join(f"{i}:{x[i]:.9g}" for i in shown)


def write(name, head, lines):
    with open(os.path.join(DATA, name), "w") as f:
        f.write(f"# tests/recorded/record_samplers.py with {head}\n")
        f.writelines(line + "\n" for line in lines)


def main():
    torch.set_default_dtype(torch.float64)
    pytorch = "torch " + torch.__version__
    if "--noise" not in sys.argv:
        import diffusers
        write("samplers.txt", f"diffusers {diffusers.__version__}, {pytorch}", (record(name, steps, **config) for name, steps, config in cases()))
    write("noise-cpu.txt", pytorch, record_noise("cpu"))
    if torch.cuda.is_available():
        write("noise-cuda.txt", f"{pytorch}, {torch.cuda.get_device_name()}", record_noise("cuda"))


if __name__ == "__main__":
    main()
