import type { DicomWebOptions } from '../../src/store';
import type { DataSource, Services } from '../ohif';

/** The DICOMweb server of a data source, with absolute roots; null for one that is on no server (local files, DICOM JSON). */
export function archiveOf(
  dataSource: DataSource,
  { userAuthenticationService }: Pick<Services, 'userAuthenticationService'>,
): DicomWebOptions | null {
  const { wadoRoot, qidoRoot = wadoRoot, stowRoot = wadoRoot } = dataSource.getConfig?.() ?? {};
  if (!wadoRoot || !qidoRoot || !stowRoot) return null;
  const absolute = (root: string) => new URL(root, window.location.href).href.replace(/\/$/, '');
  return {
    roots: { wado: absolute(wadoRoot), qido: absolute(qidoRoot), stow: absolute(stowRoot) },
    headers: () => userAuthenticationService.getAuthorizationHeader() ?? {},
  };
}
