import { createHash } from 'node:crypto';

/**
 * The policy of the viewer, the plugin and their workers. Everything comes from this origin; a picture or a worker may also be a Blob that
 * the viewer made. The two short scripts inside OHIF's page are allowed by their hashes, and no other script can be put into a page.
 * @param page the viewer's index.html
 */
export function viewerPolicy(page: string): string {
  return [
    "default-src 'self'",
    // WebAssembly is compiled by ONNX Runtime and by cornerstone's codecs. The codecs also make functions from text (Emscripten's embind,
    // https://github.com/emscripten-core/emscripten/issues/5318): without 'unsafe-eval' no compressed image is shown.
    ["script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'", ...inlineScriptHashes(page)].join(' '),
    // OHIF and its icons set style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    // An encapsulated PDF is shown in an <object>, a video in a <video>.
    "object-src 'self' blob:",
    "media-src 'self' blob:",
    "frame-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ].join('; ');
}

/** `'sha256-...'` of each inline script, as a Content Security Policy names them. */
export function inlineScriptHashes(page: string): string[] {
  const scripts = [...page.matchAll(/<script(?<attributes>[^>]*)>(?<body>[\s\S]*?)<\/script>/gi)];
  return scripts
    .filter(({ groups }) => !/\ssrc\s*=/i.test(groups?.['attributes'] ?? '') && groups?.['body'])
    .map(({ groups }) => `'sha256-${createHash('sha256').update(groups!['body']!).digest('base64')}'`);
}

/** Data is no page: whatever an archive holds, or a PACS answers, runs no script when somebody opens its address. */
const DATA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'";
/** A browser shows no PDF under `sandbox`, and OHIF shows encapsulated PDFs. */
const PDF_POLICY = "frame-ancestors 'self'";

/** The policy of an answer of the DICOMweb service. */
export const dataPolicy = (contentType: string): string =>
  mediaTypeOf(contentType) === 'application/pdf' ? PDF_POLICY : DATA_POLICY;

/** `text/html; charset=utf-8` is `text/html`. */
export const mediaTypeOf = (contentType: string): string => contentType.split(';')[0]!.trim().toLowerCase();
