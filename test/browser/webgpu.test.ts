import { ctSeries } from './series';
import { Viewer } from './viewer';

/** WebGPU on SwiftShader: slow, exact, and in every Chromium. */
describe('denoising on WebGPU', () => {
  it('gives what WebAssembly gives, to one HU', async () => {
    const files = ctSeries({ slices: 3 });
    const results: number[][] = [];
    for (const webgpu of [true, false]) {
      const viewer = await Viewer.open({
        files,
        webgpu,
        engine: webgpu
          ? { providers: ['webgpu'], allowSoftwareAdapter: true, warmUp: { rows: 64, columns: 64 } }
          : { providers: ['wasm'], threads: 1 },
      });
      try {
        await viewer.openStudy();
        await viewer.denoise();
        await viewer.image('iscl-denoised');
        const provider = viewer.cy('iscl-provider');
        await expect(provider.getAttribute('data-provider')).resolves.toBe(webgpu ? 'webgpu' : 'wasm');
        if (webgpu) {
          await expect(provider.innerText()).resolves.toMatch(/^WebGPU: /);
          await viewer.shot('webgpu');
        }
        results.push(await viewer.pixels('iscl-denoised'));
        // ONNX Runtime says on stderr that it leaves shape operators to the CPU.
        expect(viewer.takeProblems(/VerifyEachNodeIsAssignedToAnEp/)).toEqual([]);
      } finally {
        await viewer.close();
      }
    }
    const [gpu, wasm] = results as [number[], number[]];
    expect(Math.max(...gpu.map((value, i) => Math.abs(value - wasm[i]!)))).toBeLessThanOrEqual(1);
  });
});
