import { absentHere } from '../absent';

const { CI } = process.env;
afterEach(() => {
  if (CI === undefined) delete process.env['CI'];
  else process.env['CI'] = CI;
});

test('what is not here skips a test, and fails it in CI', () => {
  delete process.env['CI'];
  expect(absentHere('no Orthanc')).toBe('no Orthanc');
  process.env['CI'] = 'true';
  expect(() => absentHere('no Orthanc')).toThrow('no Orthanc');
  expect(absentHere(null)).toBeNull();
});
