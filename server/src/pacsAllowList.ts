import { lookup } from './dicomweb/index';
import { mediaTypeOf } from './contentSecurityPolicy';

/*
 * What passes between a viewer and a PACS: DICOMweb (PS3.18) and nothing else. Allow-lists, because a PACS has other services below the
 * same address and other ways to ask for them: Orthanc sends studies elsewhere by a POST to `servers`, and deletes on a GET with `?_method=DELETE`.
 */

const UID = '\\d{1,64}(?:\\.\\d{1,64})*';
/** One part of a path to bulk data, which each archive names in its own way; never `.` or `..`. */
const PART = '(?!\\.{1,2}(?:/|$))[\\w.~-]+';
const RESOURCE = new RegExp(
  `^(?=/(?:studies|series|instances)(?:/|$))(?:/studies(?:/${UID})?)?(?:/series(?:/${UID})?)?(?:/instances(?:/${UID})?)?` +
    `(?:/frames/\\d{1,7}(?:,\\d{1,7})*)?(?:/(?:metadata|rendered|thumbnail|pixeldata|bulkdata(?:/${PART})+))?/?$`,
);
const STOW = new RegExp(`^/studies(?:/${UID})?/?$`);
/** PS3.18, 8.9: the service says what it can do. */
const CAPABILITIES = /^\/?$/;

/** Whether a request may go to the PACS: its method, and its path below the DICOMweb root as it was sent. */
export function isDicomweb(method: string, path: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return RESOURCE.test(path);
    case 'OPTIONS':
      return RESOURCE.test(path) || CAPABILITIES.test(path);
    case 'POST':
      return STOW.test(path);
    default:
      return false;
  }
}

/** PS3.18, 8.3: the parameters of the standard, and `orderby` of dcm4chee. Attributes come beside them, by tag or keyword. */
const PARAMETERS = new Set([
  'accept',
  'annotation',
  'charset',
  'emptyvaluematching',
  'fuzzymatching',
  'iccprofile',
  'includefield',
  'limit',
  'multiplevaluematching',
  'offset',
  'orderby',
  'quality',
  'viewport',
  'window',
]);

/**
 * The query with DICOMweb's parameters and attributes; anything else is left out, `_method` first. A key goes on as it reads when decoded, so
 * that no second way to write one is understood by the PACS alone; values go on as they came.
 */
export function dicomwebQuery(search: string): string {
  return search
    .replace(/^\?/, '')
    .split('&')
    .flatMap(part => {
      const equals = part.indexOf('=');
      const key = decodedKey(equals < 0 ? part : part.slice(0, equals));
      if (!PARAMETERS.has(key.toLowerCase()) && !key.split('.').every(isAttribute)) return [];
      // Some servers take a semicolon for an ampersand.
      const value = equals < 0 ? '' : part.slice(equals).replace(/[;#]/g, one => encodeURIComponent(one));
      return [key + value];
    })
    .join('&');
}

const isAttribute = (text: string): boolean =>
  /^[0-9A-Fa-f]{8}$/.test(text) || (/^[A-Z]\w*$/.test(text) && lookup(text) !== undefined);

function decodedKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return '';
  }
}

/**
 * What a viewer says of its request. Cookies of 127.0.0.1 belong to every program on this computer, Referer names the study a page shows,
 * and headers such as X-HTTP-Method-Override change what is asked for.
 */
const REQUEST_HEADERS = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'content-length',
  'content-type',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'range',
  'transfer-encoding',
  'user-agent',
]);

/** What a PACS says of its answer. What it says of its own origin, connection and login must not reach a page of this one. */
const RESPONSE_HEADERS = new Set([
  'accept-ranges',
  'allow',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'retry-after',
  'vary',
  'warning',
]);

type Headers = Record<string, string | number | string[] | undefined>;
const only = <T extends Headers>(headers: T, names: ReadonlySet<string>): T =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => names.has(name.toLowerCase()))) as T;

export const requestHeaders = <T extends Headers>(headers: T): T => only(headers, REQUEST_HEADERS);
export const responseHeaders = <T extends Headers>(headers: T): T => only(headers, RESPONSE_HEADERS);

const MEDIA_TYPES = new Set([
  'application/dicom',
  'application/dicom+json',
  'application/dicom+xml',
  'application/json',
  'application/octet-stream',
  'application/pdf',
  'application/vnd.sun.wadl+xml',
  'application/zip',
  'multipart/related',
  'text/plain',
  'image/dicom-rle',
  'image/gif',
  'image/jls',
  'image/jp2',
  'image/jpeg',
  'image/jph',
  'image/jphc',
  'image/jpx',
  'image/jxl',
  'image/png',
  'image/x-dicom-rle',
  'image/x-jls',
  'video/h265',
  'video/mp4',
  'video/mpeg',
  'video/mpeg2',
]);

/** Whether an answer of this Content-Type is DICOMweb's; a web page or an SVG never is. */
export const isDicomwebType = (contentType: string): boolean => MEDIA_TYPES.has(mediaTypeOf(contentType));
