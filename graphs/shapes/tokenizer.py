"""CLIP's byte-pair encoding, learned on our own captions. The text clean-up follows CLIP's; captions here are plain ASCII."""
import html
import re
from collections import Counter

PATTERN = re.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


def byte_symbols():
    """One printable character for each byte, in CLIP's order."""
    order = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    symbols = [chr(b) for b in order]
    for b in range(256):
        if b not in order:
            symbols.append(chr(256 + len(symbols) - 188))
            order.append(b)
    return dict(zip(order, symbols))


def words(text):
    text = html.unescape(html.unescape(text)).strip()
    return PATTERN.findall(re.sub(r"\s+", " ", text).strip().lower())


def _merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def learn_merges(captions, limit):
    """The most frequent pair becomes one symbol, again and again; ties go to the pair that sorts first."""
    table = byte_symbols()
    counts = Counter(w for c in captions for w in words(c))
    split = {w: [table[b] for b in w.encode()] for w in counts}
    for s in split.values():
        s[-1] += "</w>"
    merges = []
    while len(merges) < limit:
        pairs = Counter()
        for w, s in split.items():
            for pair in zip(s, s[1:]):
                pairs[pair] += counts[w]
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        split = {w: _merge(s, best) for w, s in split.items()}
    return merges


class Tokenizer:
    def __init__(self, merges_file):
        lines = open(merges_file, encoding="utf-8").read().split("\n")[1:]
        merges = [tuple(l.split()) for l in lines if l]
        self.table = byte_symbols()
        vocab = list(self.table.values())
        vocab += [v + "</w>" for v in vocab] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
        self.ids = {v: i for i, v in enumerate(vocab)}
        self.ranks = {m: i for i, m in enumerate(merges)}
        self.start, self.end, self.cache = len(vocab) - 2, len(vocab) - 1, {}

    def __len__(self):
        return len(self.ids)

    def _word(self, word):
        if word not in self.cache:
            s = [self.table[b] for b in word.encode()]
            s[-1] += "</w>"
            while len(s) > 1:
                best = min(zip(s, s[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if best not in self.ranks:
                    break
                s = _merge(s, best)
            self.cache[word] = [self.ids[x] for x in s]
        return self.cache[word]

    def encode(self, text):
        """Start, the words, end; not padded."""
        return [self.start] + [i for w in words(text) for i in self._word(w)] + [self.end]

    def padded(self, text, length):
        ids = self.encode(text)
        if len(ids) > length:
            ids = ids[:length - 1] + [self.end]
        return ids + [self.end] * (length - len(ids))
