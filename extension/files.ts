import type { OhifInstance } from './ohif';

/**
 * Image loaders that fetch a whole file from the address in the image id. `wadors` gives frames. A file of this computer (`dicomfile`, `dicomzip`) stays with
 * Cornerstone's loader, which hands it to nobody.
 */
const FETCHED = /^(?:wadouri|dicomweb):(.+)$/;

/** Can the viewer have the whole file of this image from its address? */
export function isOfFile(imageId: string): boolean {
  return FETCHED.test(imageId);
}

/** The bytes at the address in an image id; null for one that holds none, and where they cannot be had. */
export type FetchFile = (imageId: string) => Promise<Uint8Array | null>;

/** @param headers of a request, for a source behind a login */
export function fetchFile(headers: () => Readonly<Record<string, string>>): FetchFile {
  return async imageId => {
    const address = FETCHED.exec(imageId)?.[1];
    if (address === undefined) return null;
    try {
      const response = await fetch(withoutFrame(address), { headers: headers() });
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    } catch {
      // Whoever needs the image itself will tell.
      return null;
    }
  };
}

/** Cornerstone's loader adds the number of the frame to the address. */
function withoutFrame(address: string): string {
  return address.replace(/([?&])frame=\d+(&|$)/, (_, before: string, after: string) => (after ? before : ''));
}

/**
 * What the files say, where a data source's list says less, or something else: a DICOM JSON or WADO-URI source holds whatever its maker put into
 * it, and the viewer shows HU from the file all the same.
 */
export class FileHeaders {
  private readonly read = new Map<string, OhifInstance>();
  private readonly asked = new Map<string, Promise<boolean>>();

  constructor(readonly fetchFile: FetchFile) {}

  /** The attributes of the file where it has been read, else those of the list. Identity stays that of the list. */
  of(instance: OhifInstance): OhifInstance {
    return this.read.get(instance.SOPInstanceUID) ?? instance;
  }

  /**
   * Reads the headers of a series that is of files. True when something new is known.
   * @param images of one series
   */
  async load(
    images: readonly { readonly instance: OhifInstance; readonly imageId: string }[],
  ): Promise<boolean> {
    const of = images.filter(({ imageId }) => isOfFile(imageId));
    if (of.length === 0) return false;
    const { naturalize, parsePart10 } = await import('../src/dicom');
    const news = of.map(({ instance, imageId }) => {
      const asked = this.asked.get(imageId);
      if (asked) return asked.then(() => false);
      const reading = this.fetchFile(imageId).then(bytes => {
        const file = bytes && parsed(() => naturalize(parsePart10(bytes)));
        if (file?.SOPInstanceUID !== instance.SOPInstanceUID) return false;
        this.read.set(instance.SOPInstanceUID, { ...ownOf(instance), ...file, ...identityOf(instance) });
        return true;
      });
      this.asked.set(imageId, reading);
      return reading;
    });
    return (await Promise.all(news)).includes(true);
  }
}

/** What is OHIF's and no DICOM attribute: their keywords begin with a capital letter. */
function ownOf(instance: OhifInstance): Record<string, unknown> {
  return Object.fromEntries(Object.entries(instance).filter(([key]) => /^[^A-Z]/.test(key)));
}

/** As the viewer knows the image. */
function identityOf({ SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID }: OhifInstance) {
  return { SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID };
}

function parsed<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
