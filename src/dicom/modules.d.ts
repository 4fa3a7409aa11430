/* Packages without types of their own: what src/dicom uses of them. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
declare module '@cornerstonejs/codec-charls/decodewasmjs';
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs';
declare module '@cornerstonejs/codec-openjph/wasmjs';
declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    decode(buffer: ArrayBuffer, offset: number, length: number): Uint8Array | Uint16Array;
    readonly frame: {
      readonly dimX: number;
      readonly dimY: number;
      readonly precision: number;
      readonly numComp: number;
    };
  }
}
