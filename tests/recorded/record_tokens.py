#!/usr/bin/env python3
"""Records what transformers' CLIP tokenizer makes of prompts whose characters compose: tests/data/tokens.txt.

    python3 -m venv v && v/bin/pip install transformers tokenizers ftfy
    v/bin/python tests/recorded/record_tokens.py

The vocabulary is the one of graphs/shapes/merges.txt. A line of the file: the prompt as JSON, a tab, the ids. The script also
checks that ftfy, which OpenAI's and open_clip's tokenizers call, composes as the normalizer of transformers does.
"""
import json
import pathlib
import tempfile

import ftfy
from transformers import CLIPTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPTS = [
    "a red circle",
    "cafe\u0301 red", "caf\u00e9 red",
    "gru\u0308n", "GRU\u0308N",
    "\u1112\u1161\u11ab", "\ud55c", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "pin\u0303ata",
    "e\u0301\u0323 e\u0323\u0301",          # marks are put in order first
    "\u1e69 s\u0323\u0307 s\u0307\u0323",
    "x\u0304 q\u0301",                      # nothing to compose to
    "\u212bngstro\u0308m \u212a \u2126",    # Angstrom, kelvin, ohm: other characters after NFC
    "\u0344 \u0374 \u037e \u1fef",
    "\u0958 \u09dc",                        # excluded from composition
    "\ufb01 \u00b2 \uff21",                 # compatibility forms stay
    "I\u0307stanbul \u0130stanbul",
    "\U0001d15e \U0001f1e9\U0001f1ea e\u20dd",
    "\u0041\u030a\u0301",
    "\u0c46\u0c56 \u0dd9\u0dcf\u0dca \u09c7\u09be",
    "\u0301red", "red \u0301 circle",
    "\u3042\u3099 \u304b\u3099 \u30cf\u309a",
]


def vocabulary(merges):
    """The tokens in CLIP's order: bytes, bytes at a word's end, merges, start and end of text."""
    codes = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    tokens = [chr(c) for c in codes] + [chr(256 + i) for i in range(256 - len(codes))]
    tokens += [t + "</w>" for t in tokens] + ["".join(m.split()) for m in merges]
    return {t: i for i, t in enumerate(tokens + ["<|startoftext|>", "<|endoftext|>"])}


def main():
    lines = (ROOT / "graphs/shapes/merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [line for line in lines[1:] if line]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "vocab.json").write_text(json.dumps(vocabulary(merges)))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2"] + merges) + "\n", encoding="utf-8")
        tokenizer = CLIPTokenizer.from_pretrained(folder)
    import unicodedata
    for p in PROMPTS:
        fixed = ftfy.fix_text(p, uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False)
        assert fixed == unicodedata.normalize("NFC", p), (p, fixed)
    with open(ROOT / "tests/data/tokens.txt", "w", encoding="utf-8") as out:
        for p in PROMPTS:
            print(json.dumps(p) + "\t" + " ".join(map(str, tokenizer(p)["input_ids"])), file=out)


if __name__ == "__main__":
    main()
