"""The virtual environment that the other programs live in: made once, from packages."""
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")


def add_arguments(a):
    """What the commands of this folder have in common; a: an argparse.ArgumentParser."""
    a.add_argument("--size", type=int, default=512, help="of the picture, in pixels; default %(default)s")
    a.add_argument("--seed", type=int, default=1, help="of weights and inputs; default %(default)s")
    a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: as many as this process may use")
    a.add_argument("--latentc", metavar="FILE", default=os.path.join(ROOT, "build", "latentc"), help="default build/latentc")
    a.add_argument("--output", metavar="DIR", default=os.path.join(ROOT, "build", "compare"), help="for the results; default build/compare")
    a.add_argument("--cache", metavar="DIR", default=os.path.join(ROOT, ".cache", "compare"), help="for weights and exported models; default .cache/compare")
    a.add_argument("--venv", metavar="DIR", help="virtual environment, made if absent; default venv in the cache")
    a.add_argument("--torch-index", metavar="URL", help="a package index with PyTorch for CPUs only; without it the usual one brings CUDA along")
    a.add_argument("--dry-run", action="store_true", help="only say what would be done")


def parse_arguments(a):
    f = a.parse_args()
    if f.size < 64 or f.size % 64:
        a.error(f"--size {f.size}: expected a multiple of 64")
    f.venv = f.venv or os.path.join(f.cache, "venv")
    f.python = python_of(f.venv)
    return f


def python_of(folder):
    return os.path.join(folder, "bin", "python")


def is_complete(folder):
    """Whether the environment was made from the requirements as they are now."""
    try:
        with open(os.path.join(folder, "requirements.txt")) as made, open(REQUIREMENTS) as wanted:
            return made.read() == wanted.read()
    except OSError:
        return False


def ensure(folder, torch_index):
    """Returns the environment's interpreter."""
    python = python_of(folder)
    if is_complete(folder):
        return python
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet"]
    if torch_index:
        with open(REQUIREMENTS) as lines:
            torch = next(line.strip() for line in lines if line.startswith("torch=="))
        subprocess.run([*pip, "--index-url", torch_index, torch], check=True)
    subprocess.run([*pip, "-r", REQUIREMENTS], check=True)
    shutil.copy(REQUIREMENTS, folder)
    return python
