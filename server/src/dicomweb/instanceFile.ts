import { asciiOf, TAG } from '../../../src/dicom';
import type { Instance } from './catalog';
import { codeOf, HttpError, reasonOf } from './errors';
import { readHeader, type Header } from './header';

/**
 * The header of an indexed instance, as its file is now. Throws `HttpError` 410 when the file is gone or holds another instance,
 * so that one image is never shown under the name of another; 500 when it cannot be read.
 */
export function readInstance(instance: Instance): Header {
  const restart = 'Start the server again to index the folder anew.';
  let header: Header;
  try {
    header = readHeader(instance.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new HttpError(410, `The file of this instance was moved or deleted. ${restart}`, {
        cause: error,
      });
    }
    // Node's own message would name the path.
    const reason = codeOf(error) ?? reasonOf(error);
    throw new HttpError(500, `The file of this instance cannot be read: ${reason}`, { cause: error });
  }
  if (asciiOf(header.dataset, TAG.SOPInstanceUID) !== instance.sopUid) {
    throw new HttpError(410, `The file of this instance holds another one by now. ${restart}`);
  }
  return header;
}
