import { allPrintable, printable } from './index';

test.each([
  ['a terminal sequence', 'HU\u001b[2J', 'HU\\u{1b}[2J'],
  ['a C1 control', 'HU\u009b2J', 'HU\\u{9b}2J'],
  ['a line of its own', 'HU\ndone, 300 slices', 'HU\\u{a}done, 300 slices'],
  ['a carriage return', 'refused\rdone', 'refused\\u{d}done'],
  ['a bell and DEL', '\u0007\u007f', '\\u{7}\\u{7f}'],
  ['text turned round', 'a\u202Emcd.exe', 'a\\u{202e}mcd.exe'],
  ['isolates', '\u2066a\u2069', '\\u{2066}a\\u{2069}'],
  ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
  ['zero width', 'HU\u200b', 'HU\\u{200b}'],
  ['tags', 'HU\u{e0041}', 'HU\\u{e0041}'],
  ['half a pair', 'HU\ud800', 'HU\\u{d800}'],
])('%s is shown', (_what, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each(['HU', 'Müller^Jörg', '山田^太郎', 'a b/c.dcm', '\u{1f600}', 'a\\b'])('%s stays', text => {
  expect(printable(text)).toBe(text);
});

test('in every text of a report, keys too', () => {
  expect(allPrintable({ a: ['\u001b', 1, null, { '\n': true }] })).toEqual({
    a: ['\\u{1b}', 1, null, { '\\u{a}': true }],
  });
});
