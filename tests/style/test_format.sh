#!/usr/bin/env bash
# Every C file is formatted as .clang-format says. Only version 14 (Debian 12) is compared: others format differently.
set -euo pipefail
cd "$SOURCE_DIR"
format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $format ]] || ! "$format" --version | grep -q 'version 14\.'; then
    echo "skipped: clang-format 14 is not installed (apt-get install clang-format-14)"
    exit 77
fi
find compiler runtime tests -name '*.[ch]' -print0 | xargs -0 "$format" --dry-run --Werror
