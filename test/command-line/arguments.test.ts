import { readArguments, UsageError } from '../../cli/arguments';

describe('addresses on the command line', () => {
  const read = (from: string) =>
    readArguments(['--from', from, '--study', '1.2', '--to', 'http://pacs/rs/'], {});
  test('are DICOMweb roots without a trailing slash', () => {
    expect(read('https://pacs.example:8042/dicom-web/')).toMatchObject({
      source: { root: 'https://pacs.example:8042/dicom-web' },
      target: { root: 'http://pacs/rs' },
    });
  });
  test.each([
    'https://reader:secret@pacs/rs',
    'https://:secret@pacs/rs',
    'https://pacs/rs?token=secret',
    'http://pacs/#secret',
  ])('%s is refused, in words that do not repeat it', address => {
    expect(() => read(address)).toThrow(UsageError);
    expect(() => read(address)).toThrow('ISCL_FROM_AUTHORIZATION');
    expect(() => read(address)).not.toThrow('secret');
  });
});
