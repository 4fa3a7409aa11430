import { SaxesParser } from 'saxes';

/** What a STOW-RS answer says of the instances it names (PS3.18 10.5.3, PS3.3 C.12.1 store instances response). */
export interface StowResponse {
  /** Referenced SOP Sequence (0008,1199): UID to Warning Reason (0008,1196), or null. */
  readonly stored: ReadonlyMap<string, string | null>;
  /** Failed SOP Sequence (0008,1198): UID to Failure Reason (0008,1197), four hex digits or '' when the item has none. */
  readonly failed: ReadonlyMap<string, string>;
  /** Other Failures Sequence (0008,119A): failures the server could not tie to a UID. */
  readonly others: readonly string[];
}

const STORED = '00081199';
const FAILED = '00081198';
const OTHER = '0008119A';
const UID = '00081155';
const WARNING_REASON = '00081196';
const FAILURE_REASON = '00081197';

interface Item {
  readonly sequence: string;
  readonly values: Map<string, string>;
}

/**
 * Reads an answer in DICOM JSON or Native DICOM XML; anything else (a proxy's HTML page, nothing) names no instance, and the
 * caller asks the server what it has.
 */
export function readStowResponse(text: string): StowResponse {
  const trimmed = text.trim();
  let items: Item[] = [];
  try {
    if (trimmed.startsWith('{') || trimmed.startsWith('[')) items = jsonItems(JSON.parse(trimmed));
    else if (trimmed.startsWith('<')) items = xmlItems(trimmed);
  } catch {
    // Cut short or not what it claims to be: as good as no body.
    items = [];
  }
  const stored = new Map<string, string | null>();
  const failed = new Map<string, string>();
  const others: string[] = [];
  for (const { sequence, values } of items) {
    const uid = values.get(UID);
    const reason = hex(values.get(sequence === STORED ? WARNING_REASON : FAILURE_REASON));
    if (sequence === OTHER) others.push(reason);
    else if (uid && sequence === STORED) stored.set(uid, reason || null);
    else if (uid && sequence === FAILED) failed.set(uid, reason);
  }
  // A UID in both lists was not stored: the failure counts.
  for (const uid of failed.keys()) stored.delete(uid);
  return { stored, failed, others };
}

function jsonItems(json: unknown): Item[] {
  const found: Item[] = [];
  for (const dataset of Array.isArray(json) ? json : [json]) {
    for (const sequence of [STORED, FAILED, OTHER]) {
      for (const item of valuesOf(dataset, sequence)) {
        const values = new Map<string, string>();
        for (const tag of [UID, WARNING_REASON, FAILURE_REASON]) {
          const [value] = valuesOf(item, tag);
          if (value !== undefined && value !== null) values.set(tag, String(value));
        }
        found.push({ sequence, values });
      }
    }
  }
  return found;
}

function valuesOf(dataset: unknown, tag: string): unknown[] {
  if (typeof dataset !== 'object' || dataset === null) return [];
  const attribute = (dataset as Record<string, unknown>)[tag];
  if (typeof attribute !== 'object' || attribute === null) return [];
  const value = (attribute as { Value?: unknown }).Value;
  return Array.isArray(value) ? value : [];
}

function xmlItems(xml: string): Item[] {
  const found: Item[] = [];
  /** Tags of the DicomAttribute elements we are inside of, outermost first. */
  const path: string[] = [];
  let item: Item | null = null;
  let text = '';
  const parser = new SaxesParser();
  parser.on('error', error => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const local = name.replace(/^.*:/, '');
    if (local === 'DicomAttribute') path.push(String(attributes.tag ?? '').toUpperCase());
    else if (local === 'Item' && path.length === 1)
      found.push((item = { sequence: path[0]!, values: new Map() }));
    text = '';
  });
  parser.on('text', chunk => (text += chunk));
  parser.on('closetag', ({ name }) => {
    const local = name.replace(/^.*:/, '');
    const tag = path.at(-1);
    if (local === 'Value' && item && path.length === 2 && tag) item.values.set(tag, text.trim());
    else if (local === 'Item' && path.length === 1) item = null;
    else if (local === 'DicomAttribute') path.pop();
    text = '';
  });
  parser.write(xml).close();
  return found;
}

/** US values are decimal numbers in both encodings; the standard names reasons in hex. */
function hex(decimal: string | undefined): string {
  const value = Number(decimal);
  return decimal === undefined || !Number.isInteger(value)
    ? ''
    : value.toString(16).toUpperCase().padStart(4, '0');
}

export type ReasonClass = 'retry' | 'duplicate' | 'final';

/**
 * Whether a Failure Reason is worth another try (PS3.18 table 10.5.3-2 and PS3.7 annex C). Out of resources (A7xx), processing
 * failure (0110) and resource limitation (0213) pass with time; an item without a reason may. The rest speaks of the instance.
 */
export function classOfReason(reason: string): ReasonClass {
  if (reason === '0111') return 'duplicate';
  return reason === '' || /^A7/.test(reason) || reason === '0110' || reason === '0213' ? 'retry' : 'final';
}
