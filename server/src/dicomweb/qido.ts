import type { Catalog, Instance, Series, Study } from './catalog';
import { INSTANCE_TAGS, SERIES_TAGS, STUDY_TAGS } from './catalog';
import { lookup } from './dictionary';
import type { JsonAttribute, JsonDataset } from './dicomJson';
import { HttpError } from './errors';

export type Level = 'study' | 'series' | 'instance';

export interface Query {
  /** Attribute tag to the text it is matched with; an empty text matches everything. */
  filters: Map<string, string>;
  limit: number;
  offset: number;
  fuzzy: boolean;
  /** Tags asked for beyond the default answer; `all` adds every attribute of the instance. */
  include: Set<string> | 'all';
}

const MODALITIES_IN_STUDY = '00080061';
const MAX_RESULTS = 10_000;
const SEARCHABLE: Record<Level, Set<string>> = {
  study: new Set([...STUDY_TAGS, MODALITIES_IN_STUDY]),
  series: new Set([...STUDY_TAGS, MODALITIES_IN_STUDY, ...SERIES_TAGS]),
  instance: new Set([...STUDY_TAGS, MODALITIES_IN_STUDY, ...SERIES_TAGS, ...INSTANCE_TAGS]),
};

/** What follows the first question mark; a second one is a wildcard. */
export const queryOf = (url: string): string => url.split('?').slice(1).join('?');

/** Reads a QIDO-RS query string (PS3.18, 8.3.4). Throws `HttpError` 400 for what it cannot honour: ignoring a filter would show other patients. */
export function parseQuery(search: string, level: Level): Query {
  const query: Query = {
    filters: new Map(),
    limit: MAX_RESULTS,
    offset: 0,
    fuzzy: false,
    include: new Set(),
  };
  for (const [key, value] of new URLSearchParams(search)) {
    if (key === 'limit') query.limit = Math.min(MAX_RESULTS, wholeNumber(key, value));
    else if (key === 'offset') query.offset = wholeNumber(key, value);
    else if (key === 'fuzzymatching') query.fuzzy = value === 'true';
    else if (key.toLowerCase() === 'includefield') include(query, value);
    else {
      const tag = searchableTag(key, level);
      refuseMalformed(key, lookup(tag)?.vr ?? 'LO', value);
      query.filters.set(tag, value);
    }
  }
  return query;
}

function wholeNumber(key: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new HttpError(400, `${key}=${value} is not a whole number.`);
  return Number(value);
}

/** Comma-joined (as OHIF sends it) and repeated (as the standard has it) mean the same. */
function include(query: Query, value: string): void {
  for (const field of value.split(',').map(part => part.trim())) {
    if (field === 'all') query.include = 'all';
    const tag = lookup(field)?.tag ?? (/^[0-9A-Fa-f]{8}$/.test(field) ? field.toUpperCase() : undefined);
    if (field !== 'all' && !tag) throw new HttpError(400, `includefield=${field} is not a DICOM attribute.`);
    if (tag && query.include !== 'all') query.include.add(tag);
  }
}

function searchableTag(key: string, level: Level): string {
  const tag = lookup(key)?.tag;
  if (tag && SEARCHABLE[level].has(tag)) return tag;
  throw new HttpError(
    400,
    `Searching ${level === 'series' ? 'series' : `${level}s`} by "${key}" is not supported here.`,
  );
}

/** Dates and times are compared as text, so what is written in another way (2024-01-31) would silently find nothing. */
function refuseMalformed(key: string, vr: string, value: string): void {
  const one = vr === 'DA' ? '\\d{4,8}' : '\\d{2,6}(\\.\\d{1,6})?';
  const isFine = (vr !== 'DA' && vr !== 'TM') || new RegExp(`^(${one})?(-(${one})?)?$`).test(value);
  if (isFine) return;
  const example = vr === 'DA' ? '20240131 or 20240101-20240131' : '1015 or 080000-120000';
  throw new HttpError(400, `${key}=${value} cannot be searched for; write ${example}.`);
}

export function searchStudies(catalog: Catalog, query: Query, root: string): JsonDataset[] {
  const found = [...catalog.studies.values()]
    .map(study => studyAnswer(study, root))
    .filter(answer => matches(answer, query));
  // The newest study first, as a study list shows it; the UID makes pages stable.
  const key = (answer: JsonDataset) =>
    `${text(answer['00080020'])}${text(answer['00080030'])}${text(answer['0020000D'])}`;
  return page(
    found.sort((a, b) => (key(a) < key(b) ? 1 : -1)),
    query,
  );
}

export function searchSeries(catalog: Catalog, query: Query, root: string, studyUid?: string): JsonDataset[] {
  const found = studiesOf(catalog, studyUid).flatMap(study =>
    [...study.series.values()].map(series => ({
      ...studyAnswer(study, root),
      ...seriesAnswer(study, series, root),
    })),
  );
  return page(
    found.filter(answer => matches(answer, query)),
    query,
  );
}

/** With includefield beyond the index, the caller adds what the files hold. */
export function searchInstances(
  catalog: Catalog,
  query: Query,
  root: string,
  studyUid?: string,
  seriesUid?: string,
): { answer: JsonDataset; instance: Instance }[] {
  const found = studiesOf(catalog, studyUid).flatMap(study =>
    [...study.series.values()]
      .filter(series => seriesUid === undefined || series.uid === seriesUid)
      .flatMap(series =>
        [...series.instances.values()].map(instance => ({
          instance,
          answer: {
            ...studyAnswer(study, root),
            ...seriesAnswer(study, series, root),
            ...instanceAnswer(instance, root),
          },
        })),
      ),
  );
  return page(
    found.filter(({ answer }) => matches(answer, query)),
    query,
  );
}

function studiesOf(catalog: Catalog, studyUid: string | undefined): Study[] {
  if (studyUid === undefined) return [...catalog.studies.values()];
  const study = catalog.studies.get(studyUid);
  return study ? [study] : [];
}

function page<T>(found: T[], { offset, limit }: Query): T[] {
  return found.slice(offset, offset + limit);
}

const text = (attribute: JsonAttribute | undefined): string => String(attribute?.Value?.[0] ?? '');
const of = (vr: string, ...Value: unknown[]): JsonAttribute => ({ vr, Value });

function studyAnswer(study: Study, root: string): JsonDataset {
  const series = [...study.series.values()];
  const modalities = [...new Set(series.map(one => text(one.attributes['00080060'])).filter(Boolean))].sort();
  return {
    // Answers are UTF-8, whatever the files are in.
    '00080005': of('CS', 'ISO_IR 192'),
    '00080056': of('CS', 'ONLINE'),
    ...study.attributes,
    [MODALITIES_IN_STUDY]: of('CS', ...modalities),
    '00081190': of('UR', `${root}/studies/${study.uid}`),
    '00201206': of('IS', series.length),
    '00201208': of(
      'IS',
      series.reduce((sum, one) => sum + one.instances.size, 0),
    ),
  };
}

function seriesAnswer(study: Study, series: Series, root: string): JsonDataset {
  return {
    ...series.attributes,
    '00081190': of('UR', `${root}/studies/${study.uid}/series/${series.uid}`),
    '00201209': of('IS', series.instances.size),
  };
}

function instanceAnswer(instance: Instance, root: string): JsonDataset {
  const { studyUid, seriesUid, sopUid } = instance;
  return {
    ...instance.attributes,
    '00081190': of('UR', `${root}/studies/${studyUid}/series/${seriesUid}/instances/${sopUid}`),
  };
}

function matches(answer: JsonDataset, query: Query): boolean {
  for (const [tag, wanted] of query.filters) {
    if (wanted !== '' && !attributeMatches(answer[tag], lookup(tag)?.vr ?? 'LO', wanted, query.fuzzy))
      return false;
  }
  return true;
}

/** PS3.4, C.2.2.2: list of UIDs, range, wildcard and single value; fuzzy matching of names by the start of any word. */
function attributeMatches(
  attribute: JsonAttribute | undefined,
  vr: string,
  wanted: string,
  fuzzy: boolean,
): boolean {
  // A name matches as a whole or by one of its component groups (PS3.5, 6.2.1.2): its letters, its ideographs, its sound.
  const values = (attribute?.Value ?? []).flatMap(value => {
    if (typeof value !== 'object' || value === null) return [String(value)];
    const groups = Object.values(value).map(String);
    return [...new Set([...groups, groups.join('=')])];
  });
  if (vr === 'DA' || vr === 'TM') return values.some(value => inRange(value, wanted));
  // OHIF joins several UIDs with a backslash, dcm4che clients with a comma; modalities come either way too.
  const alternatives = vr === 'UI' || vr === 'CS' ? wanted.split(/[\\,]/) : [wanted];
  if (alternatives.some(one => values.some(value => wildcardMatches(value, one, vr)))) return true;
  return fuzzy && vr === 'PN' && values.some(value => fuzzyName(value, wanted));
}

function inRange(value: string, wanted: string): boolean {
  const dash = wanted.indexOf('-');
  if (dash < 0) return value === wanted;
  const from = wanted.slice(0, dash);
  const to = wanted.slice(dash + 1);
  // Compared at the precision of the bound, so that 20240131 lies within "-202401".
  return (
    (from === '' || value.slice(0, from.length) >= from) && (to === '' || value.slice(0, to.length) <= to)
  );
}

/**
 * `*` for any characters, `?` for one; in time of the product of both lengths, where a regular expression of many stars could take for ever.
 */
function wildcardMatches(value: string, wanted: string, vr: string): boolean {
  const [text, pattern] = vr === 'UI' ? [value, wanted] : [value.toLowerCase(), wanted.toLowerCase()];
  let at = 0;
  let next = 0;
  // Where the last star stands, and up to where it has taken the text.
  let star = -1;
  let taken = 0;
  while (at < text.length) {
    if (pattern[next] === '*') {
      star = next++;
      taken = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      at++;
      next++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++taken;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}

function fuzzyName(value: string, wanted: string): boolean {
  const words = (name: string) =>
    name
      .toLowerCase()
      .split(/[\s^=*]+/)
      .filter(Boolean);
  const have = words(value);
  return words(wanted).every(want => have.some(word => word.startsWith(want)));
}
