#!/usr/bin/env bash
# Trains on a machine that has a GPU, PyTorch and no network.
#
#   training/gpu.sh pack KIT [--data DIR --split FILE ...]   here: the trainer, its small packages and the training series, at most 60 MB
#   bash KIT/run.sh OUT [RECIPE [MINUTES [RUN ...]]]          there: all runs of the recipe at once; checkpoints of at most 16 MB in OUT
#   iscl slabs train --resume ...                            here again: goes on from OUT on a CPU
#
# KIT/starts/NAME.pt are checkpoints that runs of the recipe start from; put them there before KIT travels.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${ISCL_PYTHON:-python3}
MOST_BYTES=60000000

[ "${1:-}" = pack ] && [ $# -ge 2 ] || { sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
kit=$2
shift 2
mkdir -p "$kit/starts" "$kit/wheels"
rm -rf "$kit/iscl"
cp -r "$here/src/iscl" "$kit/iscl"
find "$kit/iscl" -name __pycache__ -prune -exec rm -rf {} +
if [ $# -gt 0 ]; then
  PYTHONPATH="$here/src" "$python" -m iscl.cli slabs pack "$@" --out "$kit/train.pack"
fi
# What the trainer needs beside PyTorch, NumPy, SciPy and ONNX, for Python ${GPU_PYTHON:-3.12} on x86-64.
if [ -z "${GPU_NO_WHEELS:-}" ]; then
  "$python" -m pip download -q --no-deps --only-binary=:all: --python-version "${GPU_PYTHON:-3.12}" --implementation cp \
    --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux1_x86_64 -d "$kit/wheels" \
    "pydicom>=3.0,<4" "pydantic==2.13.4" "pydantic-core==2.46.4" annotated-types typing-inspection
fi
cat > "$kit/run.sh" <<'RUN'
#!/usr/bin/env bash
# bash run.sh OUT [RECIPE [MINUTES [RUN ...]]]
set -uo pipefail
kit=$(cd "$(dirname "$0")" && pwd)
out=$1 recipe=${2:-shipped} minutes=${3:-}
python=${ISCL_PYTHON:-python3}
site=$(mktemp -d)
ls "$kit"/wheels/*.whl >/dev/null 2>&1 && "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$site" "$kit"/wheels/*.whl
export PYTHONPATH="$kit:$site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
mkdir -p "$out"
runs=$(mktemp -d)
"$python" -m iscl.cli slabs train --pack "$kit/train.pack" --recipe "$recipe" ${minutes:+--minutes "$minutes"} --out "$runs" --starts "$kit/starts" \
  ${GPU_ITERATIONS:+--iterations "$GPU_ITERATIONS"} ${GPU_IN_TURN:-"--beside"} ${4:+--runs "${@:4}"} 2>&1 | tee "$out/log.txt"
code=${PIPESTATUS[0]}
"$python" -m iscl.cli slabs collect --runs "$runs" --out "$out"
exit "$code"
RUN
size=$(du -sb "$kit" | cut -f1)
printf '%s: %.1f MB\n' "$kit" "$(echo "$size" | awk '{print $1 / 1e6}')"
[ "$size" -le "$MOST_BYTES" ] || { echo "The kit is larger than $((MOST_BYTES / 1000000)) MB: leave series out." >&2; exit 1; }
