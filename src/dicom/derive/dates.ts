/** A moment as DICOM writes it in one time zone. */
export interface DicomMoment {
  /** DA, YYYYMMDD */
  readonly date: string;
  /** TM, HHMMSS */
  readonly time: string;
  /** DT with the offset from UTC: YYYYMMDDHHMMSS+ZZXX */
  readonly dateTime: string;
}

/**
 * `moment` in the source's own zone, so that the derived series does not seem to come before or hours after its source.
 * @param timezoneOffsetFromUtc (0008,0201), `+HHMM` or `-HHMM`; when it is absent or malformed, the zone of this computer, as modalities do
 */
export function dicomMoment(moment: Date, timezoneOffsetFromUtc: string): DicomMoment {
  const minutes = offsetMinutes(timezoneOffsetFromUtc) ?? -moment.getTimezoneOffset();
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString();
  const date = local.slice(0, 10).replaceAll('-', '');
  const time = local.slice(11, 19).replaceAll(':', '');
  const away = Math.abs(minutes);
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.floor(away / 60))}${two(away % 60)}`;
  return { date, time, dateTime: `${date}${time}${zone}` };
}

function offsetMinutes(offset: string): number | null {
  const match = /^([+-])(\d\d)(\d\d)$/.exec(offset);
  if (!match) return null;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  // PS3.3 C.12.1.1.8: -1200 to +1400.
  const signed = match[1] === '-' ? -minutes : minutes;
  return Number(match[3]) < 60 && signed >= -720 && signed <= 840 ? signed : null;
}

const two = (value: number) => String(value).padStart(2, '0');
