#!/usr/bin/env python3
"""Writes data/samplers.txt and data/noise-*.txt: what diffusers' schedulers and PyTorch's generators give.

    python3 tests/recorded/record_samplers.py            needs torch, diffusers, scipy, and
        k_diffusion's sampling.py in PYTHONPATH (pip download --no-deps k-diffusion, unpacked); with a CUDA device, its noise too
    python3 tests/recorded/record_samplers.py --samplers  samplers alone
    python3 tests/recorded/record_samplers.py --noise    noise alone: needs torch

diffusers computes schedules and some updates in float32. So that samplers can be compared to many more digits than pictures need, its own
source is run here with float64 in place of float32; alphas_cumprod alone is rounded to float32, as it is in latentc.

dpm++2s_a and dpm2_a also come from k-diffusion's functions, with the sigmas of diffusers' EulerDiscreteScheduler. ipndm is diffusers'
IPNDMScheduler, whose trained_betas are these sigmas in its units; its own schedule is of another kind of model.

The model is a function that the test has too: of its input and its answer, both rounded to float32. Noise is a function too.
"""
import functools
import importlib.util
import inspect
import itertools
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
    if "multistep" in module_name or "singlestep" in module_name:  # these round timesteps down, and in float32 the largest logarithm is rounded up
        source = source.replace("log_sigmas = np.log(sigmas)", "log_sigmas = np.log(sigmas * (1 + 1e-9))")
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
    "dpm2": ("scheduling_k_dpm_2_discrete", "KDPM2DiscreteScheduler", {}),
    "dpm2_a": ("scheduling_k_dpm_2_ancestral_discrete", "KDPM2AncestralDiscreteScheduler", {}),
    "heun": ("scheduling_heun_discrete", "HeunDiscreteScheduler", {}),
    "lms": ("scheduling_lms_discrete", "LMSDiscreteScheduler", {}),
    "dpm++2m": ("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpm++2m_sde": ("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++2s": ("scheduling_dpmsolver_singlestep", "DPMSolverSinglestepScheduler", {"lower_order_final": False}),
    "deis": ("scheduling_deis_multistep", "DEISMultistepScheduler", {}),
    "unipc": ("scheduling_unipc_multistep", "UniPCMultistepScheduler", {}),
    "lcm": ("scheduling_lcm", "LCMScheduler", {}),
    "tcd": ("scheduling_tcd", "TCDScheduler", {}),
    "ddpm": ("scheduling_ddpm", "DDPMScheduler", {}),
}
K_DIFFUSION = {"dpm++2s_a": "sample_dpmpp_2s_ancestral", "dpm2_a": "sample_dpm_2_ancestral"}
CURVES = {"use_karras_sigmas": "karras", "use_exponential_sigmas": "exponential", "use_lu_lambdas": "lu"}
# our words for a scheduler's config, in the order of the file
WORDS = {
    "spacing": lambda c: c["timestep_spacing"],
    "steps_offset": lambda c: c["steps_offset"],
    "sigmas": lambda c: next((ours for theirs, ours in CURVES.items() if c.get(theirs)), "timesteps"),
    "prediction": lambda c: {"epsilon": "epsilon", "v_prediction": "v"}[c["prediction_type"]],
    "final_alpha": lambda c: int(c.get("set_alpha_to_one", True)),
    "final_sigma_least": lambda c: int(c.get("final_sigmas_type", "zero") == "sigma_min"),
    "full_order_last": lambda c: int(not c.get("lower_order_final", True)),
    "clip": lambda c: -1 if c["clip_sample"] is None else c.get("clip_sample_range", 1.0) if c["clip_sample"] else 0,
    "zero_snr": lambda c: int(c.get("rescale_betas_zero_snr", False)),
}

# words that are written where they are not the default: ours, theirs, what the value means
MORE = {
    "sigma_min": ("sigma_min", float), "sigma_max": ("sigma_max", float), "log_linear": ("interpolation_type", lambda v: int(v == "log_linear")),
    "continuous": ("timestep_type", lambda v: int(v == "continuous")), "solver_order": ("solver_order", int),
    "solver_type": ("solver_type", lambda v: {"heun": 1, "bh1": 2}[v]), "noise_solver": ("algorithm_type", lambda v: int("++" not in v)),
    "noise_unipc": ("predict_x0", lambda v: int(not v)), "euler_at_final": ("euler_at_final", int),
    "variance": ("variance_type", lambda v: int(v == "fixed_large")), "original_steps": ("original_inference_steps", int),
    "timestep_scaling": ("timestep_scaling", float), "threshold_ratio": ("thresholding", lambda v: v), "threshold_most": ("sample_max_value", float),
    "sigma_clipped": ("lambda_min_clipped", lambda v: math.exp(-v)), "no_corrector": ("disable_corrector", lambda v: sum(1 << i for i in v)),
    "beta_schedule": ("beta_schedule", lambda v: ["linear", "scaled_linear", "squaredcos_cap_v2"].index(v)),
}


def line(name, steps, eta, config, given, x):
    words = " ".join(f"{k}={word(config)}" for k, word in WORDS.items())
    for ours, (theirs, value) in MORE.items():
        if theirs in given:
            v = given.get("dynamic_thresholding_ratio", 0.995) if theirs == "thresholding" else given[theirs]
            words += f" {ours}={value(v):.17g}"
    values = " ".join(f"{v:.11g}" for v in x.flatten().tolist())
    assert all(map(math.isfinite, x.flatten().tolist())), (name, steps, config)
    return f"sampler={name} steps={steps} eta={eta:g} {words} : {values}"


def complete(config):
    return {"timestep_spacing": "leading", "steps_offset": 1, "prediction_type": "epsilon", "clip_sample": False, "set_alpha_to_one": False, **SD2, **config}


def sigmas_of(config, steps):
    """Sigmas, with 0 at the end, timesteps, and the standard deviation of the first noise, as diffusers' EulerDiscreteScheduler has them."""
    module = in_double("scheduling_euler_discrete")
    taken = inspect.signature(module.EulerDiscreteScheduler.__init__).parameters
    euler = module.EulerDiscreteScheduler(**{k: v for k, v in config.items() if k in taken and v is not None})
    euler.set_timesteps(steps)
    return euler, euler.sigmas, euler.timesteps, float(euler.init_noise_sigma)


@functools.cache
def k_sampling():
    """k_diffusion/sampling.py alone, without the packages that only its other functions and modules need."""
    package = types.ModuleType("k_diffusion")
    package.__path__ = [os.path.join(p, "k_diffusion") for p in sys.path if os.path.isdir(os.path.join(p, "k_diffusion"))]
    sys.modules["k_diffusion"] = package
    utils = types.ModuleType("k_diffusion.utils")
    utils.append_dims = lambda x, n: x[(...,) + (None,) * (n - x.ndim)]
    sys.modules["k_diffusion.utils"] = package.utils = utils
    for name in "torchdiffeq", "torchsde":
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchdiffeq"].odeint = None
    return importlib.import_module("k_diffusion.sampling")


def record_k(name, steps, **given):
    config = complete(given)
    euler, sigmas, timesteps, first = sigmas_of(config, steps)
    log_sigmas = ((1 - euler.alphas_cumprod) / euler.alphas_cumprod).sqrt().log().numpy()

    def denoise(y, sigma):
        s = float(sigma[0])
        x = y / (s * s + 1) ** 0.5
        answer = model(x, float(euler._sigma_to_t(sigma.numpy(), log_sigmas)[0]))
        if config["prediction_type"] == "epsilon":
            return y - s * answer
        return x / (s * s + 1) ** 0.5 - answer * s / (s * s + 1) ** 0.5

    waves = Waves()
    y = waves(SHAPE) * first
    y = getattr(k_sampling(), K_DIFFUSION[name])(denoise, y, sigmas, disable=True, noise_sampler=lambda *_: waves(SHAPE))
    assert y.dtype == torch.float64, name
    return line(name, steps, 0.0, config, given, y)


def record_ipndm(steps, **given):
    config = complete(given)
    _, sigmas, timesteps, first = sigmas_of(config, steps)
    rests = sigmas / (sigmas**2 + 1) ** 0.5
    scheduler = in_double("scheduling_ipndm").IPNDMScheduler(trained_betas=rests.tolist())
    scheduler.set_timesteps(steps)
    x = Waves()(SHAPE) * first / float(sigmas[0] ** 2 + 1) ** 0.5
    for i, t in enumerate(timesteps):
        answer = model(x, t)  # the class takes v
        v = answer if config["prediction_type"] == "v_prediction" else (answer - scheduler.betas[i] * x) / scheduler.alphas[i]
        x = scheduler.step(v, scheduler.timesteps[i], x).prev_sample
    return line("ipndm", steps, 0.0, config, given, x)


def record(name, steps, eta=0.0, **given):
    module_name, class_name, fixed = SCHEDULERS[name]
    module = in_double(module_name)
    cls = getattr(module, class_name)
    config = {**complete(fixed), **given}
    taken = inspect.signature(cls.__init__).parameters
    scheduler = cls(**{k: v for k, v in config.items() if k in taken and v is not None})
    scheduler.register_to_config(**{k: config[k] for k in ("sigma_min", "sigma_max") if k in config})  # as from_config does, known or not
    waves = Waves()
    module.randn_tensor = waves
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):  # else it looks its first timestep up, of which there may be two
        scheduler.set_begin_index(0)
    x = waves(SHAPE) * float(scheduler.init_noise_sigma)
    extra = {"eta": eta} if name in ("ddim", "tcd") else {}
    for t in scheduler.timesteps:
        asked = scheduler.scale_model_input(x, t)
        x = scheduler.step(model(asked, t), t, x, **extra).prev_sample
        assert x.dtype == torch.float64, name
    return line(name, steps, eta, config, given, x)


CURVED = ("euler", "heun", "lms", "dpm2", "dpm2_a", "dpm++2m", "dpm++2m_sde", "dpm++2s", "deis", "unipc")


def members(name):
    """Members of a config that are parameters of this sampler."""
    own = dict(timestep_spacing="linspace")
    if name in ("dpm++2m", "unipc", "deis", "dpm++2s"):
        for order in 1, 3:
            for steps in 3, 5, 7, 8, 20:
                yield name, steps, dict(solver_order=order, **own)
                if name != "deis":
                    yield name, steps, dict(solver_order=order, final_sigmas_type="sigma_min", prediction_type="v_prediction", **own)
        yield name, 6, dict(solver_order=3, lower_order_final=False, final_sigmas_type="sigma_min", **own)
        yield name, 16, dict(solver_order=3, use_karras_sigmas=True, **own)
    if name == "dpm++2m_sde":
        for order in 1, 3:
            for steps in 5, 16:
                yield name, steps, dict(solver_order=order, **own)
    if name in ("dpm++2m", "dpm++2m_sde", "dpm++2s"):
        for steps in 5, 6, 16:
            yield name, steps, dict(solver_type="heun", **own)
            if name != "dpm++2m_sde":
                yield name, steps, dict(solver_type="heun", solver_order=3, final_sigmas_type="sigma_min", **own)
            for solver in ("midpoint", "heun") if name != "dpm++2m_sde" else ("heun",):
                noise = dict(algorithm_type="sde-dpmsolver" if name == "dpm++2m_sde" else "dpmsolver", final_sigmas_type="sigma_min", **own)
                yield name, steps, dict(noise, **({"solver_type": solver} if solver == "heun" else {}))
                if name != "dpm++2m_sde":
                    yield name, steps, dict(noise, solver_order=3, **({"solver_type": solver} if solver == "heun" else {}))
        if name == "dpm++2s":
            for steps in 5, 6, 8, 9:
                yield name, steps, dict(lower_order_final=True, final_sigmas_type="sigma_min", **own)
                yield name, steps, dict(lower_order_final=True, final_sigmas_type="sigma_min", solver_order=3, **own)
        yield name, 5, dict(lambda_min_clipped=-5.1, **own)
        yield name, 5, dict(lambda_min_clipped=-2.0, **own)
    if name in ("dpm++2m", "dpm++2m_sde"):
        for steps in 5, 20:
            yield name, steps, dict(use_lu_lambdas=True, **own)
        yield name, 16, dict(euler_at_final=True, final_sigmas_type="sigma_min", **own)
        yield name, 16, dict(beta_schedule="squaredcos_cap_v2", use_karras_sigmas=True, **own)
    if name == "unipc":
        for steps in 1, 5, 16:
            yield name, steps, dict(solver_type="bh1", final_sigmas_type="sigma_min", **own)  # with 0, diffusers gives NaN
            yield name, steps, dict(solver_type="bh1", solver_order=3, final_sigmas_type="sigma_min", **own)
            yield name, steps, dict(predict_x0=False, final_sigmas_type="sigma_min", **own)
            yield name, steps, dict(predict_x0=False, final_sigmas_type="sigma_min", solver_order=3, prediction_type="v_prediction", **own)
            yield name, steps, dict(disable_corrector=[0, 2], **own)
    if name in ("euler", "heun", "lms", "dpm++2m", "unipc", "deis", "dpm++2s"):
        for curve in "use_karras_sigmas", "use_exponential_sigmas":
            yield name, 6, dict(sigma_min=0.05, sigma_max=9.0, **{curve: True}, **own)
        yield name, 6, dict(sigma_min=0.05, sigma_max=9.0, use_karras_sigmas=True, final_sigmas_type="sigma_min", **own)
        yield name, 6, dict(sigma_min=0.05, sigma_max=9.0, **own)
    if name in ("euler", "heun"):
        for steps in 1, 6:
            for curve in {}, dict(use_karras_sigmas=True), dict(use_exponential_sigmas=True):
                yield name, steps, dict(interpolation_type="log_linear", **curve, **own)
        yield name, 6, dict(timestep_type="continuous", prediction_type="v_prediction", **own)
        yield name, 6, dict(timestep_type="continuous", **own)
    if name == "ddpm":
        yield name, 6, dict(variance_type="fixed_large")
    if name in ("lcm", "tcd"):
        yield name, 4, dict(original_inference_steps=100)
        yield name, 4, dict(timestep_scaling=3.0)
    if name in ("ddim", "ddpm", "lcm", "tcd", "euler", "dpm++2m", "dpm++2s", "unipc", "deis"):
        yield name, 5, dict(thresholding=True, **own)
        yield name, 5, dict(thresholding=True, dynamic_thresholding_ratio=0.7, sample_max_value=1.3, **own)
    if name == "dpm++2m":  # diffusers' class of dpm++2s fails at this
        yield name, 5, dict(thresholding=True, algorithm_type="dpmsolver", final_sigmas_type="sigma_min", **own)
    for schedule in "linear", "squaredcos_cap_v2":
        yield name, 5, dict(beta_schedule=schedule, beta_start=0.00085, beta_end=0.012, **own)


def other_cases():
    """Samplers whose results are not a class of diffusers alone."""
    for steps in 1, 2, 3, 4, 5, 20:
        for spacing in "leading", "linspace", "trailing":
            for prediction in "epsilon", "v_prediction":
                config = dict(timestep_spacing=spacing, prediction_type=prediction)
                for name in K_DIFFUSION:
                    yield record_k(name, steps, **config)
                yield record_ipndm(steps, **config)
        for curve in "use_exponential_sigmas", "use_karras_sigmas":
            config = {"timestep_spacing": "linspace", curve: True}
            yield record_k("dpm++2s_a", steps, **config)  # k-diffusion does not round timesteps as KDPM2 does
            yield record_ipndm(steps, **config)


def cases():
    for name in SCHEDULERS:
        lcm = name in ("lcm", "tcd")
        counts = [4, 5, 20] if name == "pndm_prk" else [1, 2, 5, 20]
        for steps in [] if name == "pndm_prk" else [3, 4]:  # with 1 and 2 below, those of few-step models
            for prediction in ["epsilon", "v_prediction"]:
                yield name, steps, dict(timestep_spacing="leading" if lcm else "linspace" if name == "dpm++2s" else "trailing", prediction_type=prediction)
        karras = name in CURVED
        for steps in counts:
            for spacing in ["leading"] if lcm else ["linspace"] if name == "dpm++2s" else ["leading", "linspace", "trailing"]:
                for prediction in ["epsilon", "v_prediction"]:
                    yield name, steps, dict(timestep_spacing=spacing, prediction_type=prediction)
            for spacing in ["linspace"] if name == "dpm++2s" else ["leading", "linspace"] if karras else []:
                yield name, steps, dict(timestep_spacing=spacing, use_karras_sigmas=True, prediction_type="v_prediction")
                yield name, steps, dict(timestep_spacing=spacing, use_exponential_sigmas=True)
        if name in ("ddim", "pndm", "pndm_prk"):
            yield name, 7, dict(set_alpha_to_one=True)
            yield name, 30, dict(timestep_spacing="trailing")
            yield name, 25, dict(timestep_spacing="linspace")
        if name in ("euler", "heun", "lms", "euler_a", "dpm2", "deis"):  # but the first, they do not know it
            yield name, 5, dict(final_sigmas_type="sigma_min", timestep_spacing="linspace")
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
        if name in ("pndm", "pndm_prk", "heun", "lms", "dpm2", "dpm2_a", "deis"):  # which do not know it
            yield name, 6, dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", prediction_type="v_prediction")
        yield from members(name)
        if name == "tcd":
            for eta in 0.3, 1.0:
                yield name, 4, dict(eta=eta)
                yield name, 7, dict(eta=eta, prediction_type="v_prediction")
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
    torch.set_num_threads(1)
    pytorch = "torch " + torch.__version__
    if "--noise" not in sys.argv:
        import diffusers
        write("samplers.txt", f"diffusers {diffusers.__version__}, {pytorch}", 
              itertools.chain((record(name, steps, **config) for name, steps, config in cases()), other_cases()))
    if "--samplers" in sys.argv:
        return
    write("noise-cpu.txt", pytorch, record_noise("cpu"))
    if torch.cuda.is_available():
        write("noise-cuda.txt", f"{pytorch}, {torch.cuda.get_device_name()}", record_noise("cuda"))


if __name__ == "__main__":
    main()
