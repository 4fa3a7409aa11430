/**
 * Every refusal, warning and fault the product can speak of, as one tagged union, and the only place that turns them into
 * words. A refusal: this input will not be denoised. A warning: it will, and the derived series says so. A fault: something
 * broke on the way.
 */
export * from './notices';
export * from './text';
export { allPrintable, printable } from './printable';
