#!/usr/bin/env python3
"""Writes data/diffusers-schedulers.txt: the config of every scheduler class of diffusers, as its save_pretrained writes it, a line each.

    python3 tests/tools/diffusers_schedulers.py          needs diffusers, torch, scipy, torchsde
"""
import importlib
import inspect
import json
import os
import re
import tempfile
import warnings

warnings.filterwarnings("ignore")
import diffusers

diffusers.logging.set_verbosity_error()
HERE = os.path.dirname(os.path.abspath(__file__))


# Classes that diffusers.schedulers does not list.
OTHERS = {"KarrasVeScheduler": "deprecated.scheduling_karras_ve", "ScoreSdeVpScheduler": "deprecated.scheduling_sde_vp",
          "RFD4ProteinaScheduler": "scheduling_rfd4_proteina"}
NEEDED = {"schedule_mode": "log", "noise_mode": "1/t"}


def class_of(name):
    if name in OTHERS:
        return getattr(importlib.import_module("diffusers.schedulers." + OTHERS[name]), name)
    return getattr(diffusers.schedulers, name, None)


def configs():
    for name in sorted({*dir(diffusers.schedulers), *OTHERS}):
        cls = class_of(name)
        if not inspect.isclass(cls) or not issubclass(cls, diffusers.SchedulerMixin) or cls is diffusers.SchedulerMixin:
            continue
        with tempfile.TemporaryDirectory() as folder:
            needed = {k: NEEDED.get(k, 1) for k, p in inspect.signature(cls.__init__).parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and k != "self"}
            try:
                cls(**needed).save_pretrained(folder)
            except Exception as why:
                print(f"{name}: left out: {why}")
                continue
            with open(folder + "/scheduler_config.json") as f:
                yield re.sub(r"\n *", " ", f.read()).strip()


def main():
    lines = list(configs())
    for line in lines:
        json.loads(line)
    with open(os.path.join(HERE, "..", "data", "diffusers-schedulers.txt"), "w") as f:
        f.write(f"# tests/tools/diffusers_schedulers.py with diffusers {diffusers.__version__}\n")
        f.writelines(line + "\n" for line in lines)


if __name__ == "__main__":
    main()
