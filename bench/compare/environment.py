"""The virtual environment that the other programs live in: made once, from packages."""
import os
import shutil
import subprocess
import sys

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")


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
