const { TestEnvironment } = require('jest-environment-node');

/**
 * For tests that run onnxruntime-node: its native code makes arrays of the outer realm, which are no instances of the sandbox's
 * typed arrays (https://github.com/jestjs/jest/issues/7780), so ONNX Runtime refuses its own output. Use by the docblock
 * `@jest-environment ./test/node-environment.cjs`.
 */
module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, { Float32Array, Uint8Array, ArrayBuffer });
  }
};
