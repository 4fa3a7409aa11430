import type * as core from '@cornerstonejs/core';
import type { OhifInstance } from './ohif';

/** Image loaders that read whole files; what comes from `wadors` are frames, and their file is the archive's to give. */
const OF_FILES = /^(dicomfile|wadouri|dicomweb|dicomzip):/;

/** Does the viewer hold, or can it have, the whole file of this image? */
export function isOfFile(imageId: string): boolean {
  return OF_FILES.test(imageId);
}

/**
 * The Part 10 file of an image, which Cornerstone's loader of files keeps with the image (`image.data.byteArray`); null for one that is not of a file, that
 * cannot be loaded, or whose file is another image than the viewer lists.
 */
export async function fileOf(cornerstone: typeof core, imageId: string): Promise<Uint8Array | null> {
  if (!isOfFile(imageId)) return null;
  try {
    const image = await cornerstone.imageLoader.loadAndCacheImage(imageId, {
      priority: 5,
      requestType: 'interaction',
    });
    const { data } = image as { data?: { byteArray?: unknown } };
    return data?.byteArray instanceof Uint8Array ? data.byteArray : null;
  } catch {
    // Whoever needs its pixels will tell.
    return null;
  }
}

/**
 * What the files say, where a data source's list says less, or something else: a DICOM JSON, WADO-URI or local source holds whatever its
 * maker put into it, and the viewer shows HU from the file all the same.
 */
export class FileHeaders {
  private readonly read = new Map<string, OhifInstance>();
  private readonly asked = new Map<string, Promise<boolean>>();

  constructor(private readonly cornerstone: typeof core) {}

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
      const reading = fileOf(this.cornerstone, imageId).then(bytes => {
        if (!bytes) return false;
        const file = parsed(() => naturalize(parsePart10(bytes)));
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
