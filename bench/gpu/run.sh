#!/bin/bash
# Runs the GPU bench from the folder that bundle.ts made.   run.sh OUTPUT_FOLDER
# Ends within 100 s and with exit code 0, whatever fails: the output says what did.
#   GPUBENCH_MODELS   the folder of models (default: models beside this folder)
#   GPUBENCH_DRY=1    small sizes, for a processor that plays a graphics card
#   GPUBENCH_INSTALL=1  may unpack the loader into / as root (a machine that is thrown away)
HERE="$(cd "$(dirname "$0")" && pwd)"
OUT="${1:?an output folder is needed}"
MODELS="${GPUBENCH_MODELS:-$HERE/../models}"
WORK="$(mktemp -d)"
export HOME="${HOME:-$WORK}" XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$WORK}" LC_ALL=C
mkdir -p "$OUT"
exec > >(tee "$OUT/gpu-log.txt") 2>&1
say() { echo "== $SECONDS s: $*"; }

unxz_to() { # FILE TARGET
  if command -v xz >/dev/null; then xz -dc "$1" >"$2"; else python3 -c 'import lzma,shutil,sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2],"wb"))' "$1" "$2"; fi
}

say "machine"; uname -a; nproc; ldd --version 2>&1 | head -1
timeout 10 nvidia-smi 2>&1 | head -20

say "unpack"
cp -r "$HERE/gpu.mjs" "$HERE/node_modules" "$WORK/" || echo "FAILED: copy"
LIBRARY=node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1
unxz_to "$HERE/node.xz" "$WORK/node" || echo "FAILED: node"
unxz_to "$HERE/$LIBRARY.xz" "$WORK/$LIBRARY" || echo "FAILED: onnxruntime"
rm -f "$WORK/$LIBRARY.xz"; chmod +x "$WORK/node"
mkdir -p "$WORK/root" "$WORK/cxx"
for deb in "$HERE"/debs/*.deb; do
  case "$deb" in */libstdc++* | */libgcc*) into="$WORK/cxx" ;; *) into="$WORK/root" ;; esac
  dpkg -x "$deb" "$into" || echo "FAILED: $deb"
done
export PATH="$WORK:$WORK/root/usr/bin:$PATH"
LIBRARIES="$WORK/root/usr/lib/x86_64-linux-gnu"
ldconfig -p 2>/dev/null | grep -q 'libstdc++.so.6' || LIBRARIES="$LIBRARIES:$WORK/cxx/usr/lib/x86_64-linux-gnu:$WORK/cxx/lib/x86_64-linux-gnu"
export LD_LIBRARY_PATH="$LIBRARIES${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
node --version || echo "FAILED: node does not start: $(ldd "$WORK/node" 2>&1 | grep 'not found')"

found() { timeout 15 vulkaninfo --summary 2>&1 | grep -q 'deviceName'; }
say "Vulkan"
if ! found && [ -z "$VK_DRIVER_FILES" ]; then
  echo "no Vulkan device by itself: naming NVIDIA's driver description"
  for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json; do
    [ -f "$icd" ] && export VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd" && break
  done
  egl=/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json
  [ -f "$egl" ] && export __EGL_VENDOR_LIBRARY_FILENAMES="$egl"
fi
if ! found && [ -n "$GPUBENCH_INSTALL" ]; then
  echo "still none: the loader goes into /"
  for deb in "$HERE"/debs/{libvulkan1,libegl1,libglvnd0,libopengl0,libgl1,libglx0,libgles2}_*.deb; do dpkg -x "$deb" /; done
  ldconfig
fi
timeout 15 vulkaninfo --summary 2>&1 | head -60
echo "VK_DRIVER_FILES=$VK_DRIVER_FILES"
if ! found; then
  say "no Vulkan device: why"
  ls -R /usr/local/nvidia 2>&1 | head -80
  ls -l /etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/nvidia/share/vulkan/icd.d /dev/nvidia* /dev/dri 2>&1
  [ -n "$VK_DRIVER_FILES" ] && cat "$VK_DRIVER_FILES"
  ldconfig -p | grep -E 'vulkan|nvidia|GLX|EGL' | head -40
  VK_LOADER_DEBUG=error,warn,driver timeout 15 vulkaninfo --summary 2>&1 | head -60
  for lib in $(ldconfig -p | awk '/lib(GLX|EGL)_nvidia|libnvidia-(vulkan|glvkspirv|glcore|eglcore|gpucomp)/ {print $NF}'); do ldd "$lib" 2>&1 | grep 'not found' | sed "s|^|$lib: |"; done
fi

say "bench"
cd "$WORK" || exit 0
timeout -k 2 $((78 - SECONDS)) node gpu.mjs gpu --models "$MODELS" --out "$OUT" --seconds $((73 - SECONDS)) ${GPUBENCH_DRY:+--dry}

say "the same card by PyTorch, for comparison"
# PyTorch brings its own libraries.
unset LD_LIBRARY_PATH
timeout -k 2 $((97 - SECONDS)) python3 - "$OUT/torch.json" <<'P' || echo "FAILED: PyTorch"
import json, sys, torch
if not torch.cuda.is_available(): sys.exit("PyTorch sees no CUDA device")
def best(work, runs=10):
    for _ in range(3): work()
    times = []
    for _ in range(runs):
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record(); work(); b.record(); torch.cuda.synchronize(); times.append(a.elapsed_time(b))
    return min(times)
torch.backends.cuda.matmul.allow_tf32 = False
found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
for name, kind in (("fp32, no tf32", torch.float32), ("fp16, tensor cores", torch.float16)):
    x = torch.randn(4096, 4096, device="cuda", dtype=kind)
    found["matmul " + name + ", TFLOP/s"] = 2 * 4096**3 / best(lambda: x @ x) / 1e9
x = torch.empty(1 << 27, device="cuda"); y = torch.empty_like(x)
found["copy, GB/s"] = 8 * x.numel() / best(lambda: y.copy_(x)) / 1e6
print(json.dumps(found)); json.dump(found, open(sys.argv[1], "w"))
P
say "end"
rm -rf "$WORK"
exit 0
