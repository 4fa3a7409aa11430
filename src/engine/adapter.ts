/** The provider cannot be used on this machine; `message` is a sentence for people. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}

/**
 * Whether WebGPU can run a model of this precision here.
 * @returns the adapter in words, and whether it computes on the CPU
 * @throws ProviderUnavailable with the reason
 */
export async function checkAdapter(
  gpu: GPU | undefined,
  precision: string,
  allowSoftwareAdapter: boolean,
): Promise<{ words: string; software: boolean }> {
  // navigator.gpu also hides on plain http, where WebGPU is switched off.
  if (!gpu) throw new ProviderUnavailable('This browser or this address (plain http) has no WebGPU.');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) throw new ProviderUnavailable('The browser has WebGPU but found no graphics adapter for it.');
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const words = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  const software = isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${architecture} ${description}`);
  if (software && !allowSoftwareAdapter) {
    throw new ProviderUnavailable(
      `The only WebGPU adapter (${words}) computes on the CPU, slower than WebAssembly.`,
    );
  }
  // Without the feature, session creation throws an error that names no cause.
  if (precision === 'fp16' && !adapter.features.has('shader-f16')) {
    throw new ProviderUnavailable(
      `The adapter (${words}) cannot compute in 16-bit floats, which this model needs.`,
    );
  }
  return { words, software };
}
