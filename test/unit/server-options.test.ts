import { parseOptions, UsageError } from '../../server/src/options';
import { repeatIncludeField } from '../../server/src/pacsProxy';

const parse = (args: string[], env = {}) => parseOptions(args, '/home/me', env);

describe('command-line options', () => {
  it('has the defaults of startServer when nothing is given', () => {
    expect(parse([])).toEqual({ isolation: true });
  });

  it('reads folders relative to where the person is', () => {
    expect(
      parse(['--dicom', 'scans', '--dicom', '/data', '--store', 'out', '--port', '0', '--host', '::1']),
    ).toEqual({
      isolation: true,
      dicom: ['/home/me/scans', '/data'],
      store: '/home/me/out',
      port: 0,
      host: '::1',
    });
  });

  it('reads a PACS with a login from the environment or with a header', () => {
    const url = 'http://pacs:8042/dicom-web';
    expect(parse(['--pacs', url], { PACS_AUTH: 'u:p' })?.pacs).toEqual({
      url,
      headers: { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    });
    expect(
      parse(['--pacs', url, '--pacs-header', 'Authorization: Bearer x:y'], { PACS_AUTH: 'u:p' })?.pacs,
    ).toEqual({
      url,
      headers: { authorization: 'Bearer x:y' },
    });
  });

  it('prints help instead of starting', () => {
    expect(parse(['--help'])).toBeUndefined();
  });

  it.each([
    [['--port', '70000'], 'a port is a number from 0 to 65535'],
    [['--port', 'http'], 'a port is a number'],
    [['--folder', 'x'], "Unknown option '--folder'"],
    [['stray'], 'Unexpected argument'],
    [['--pacs', 'pacs.example'], 'no address'],
    [['--pacs', 'http://u:p@pacs/dicom-web'], 'PACS_AUTH'],
    [['--pacs', 'http://:p@pacs/dicom-web'], 'PACS_AUTH'],
    [['--pacs', 'http://pacs/dicom-web?token=secret'], 'a token goes into --pacs-header'],
    [['--pacs', 'http://pacs/', '--dicom', 'x'], 'one or the other'],
    [['--pacs-header', 'A: b'], '--pacs-header needs --pacs'],
    [['--pacs', 'http://pacs/', '--pacs-header', 'nonsense'], '"Name: value"'],
  ])('refuses %j and says why', (args, message) => {
    expect(() => parse(args)).toThrow(UsageError);
    expect(() => parse(args)).toThrow(message);
  });
});

describe('includefield on its way to a PACS', () => {
  it.each([
    ['includefield=00081030%2C00080060&limit=1', 'includefield=00081030&includefield=00080060&limit=1'],
    ['?includefield=a,b', 'includefield=a&includefield=b'],
    ['PatientName=*%C3%BC*&StudyDate=2024-', 'PatientName=*%C3%BC*&StudyDate=2024-'],
    ['', ''],
  ])('%s becomes %s', (search, expected) => {
    expect(repeatIncludeField(search)).toBe(expected);
  });

  it('refuses what is not URL-encoded', () => {
    expect(() => repeatIncludeField('includefield=%zz')).toThrow(
      expect.objectContaining({ statusCode: 400 }),
    );
  });
});
