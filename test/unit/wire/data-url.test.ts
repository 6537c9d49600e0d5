import { describe, expect, it } from 'vitest';
import { dataUrl, fileName, mediaTypeOf, readDataUrl } from '../../../bridges/wire/data-url.ts';

describe('a data URL', () => {
  it.each(['image/png', 'text/plain;charset=utf-8', ''])('of the type "%s" is read as it was written', (mediaType) => {
    expect(readDataUrl(dataUrl({ mediaType, data: 'AA==' }))).toEqual({ kind: 'base64', mediaType, data: 'AA==' });
  });

  it('may be written in capitals', () => {
    expect(readDataUrl('DATA:image/png;BASE64,AA==')).toEqual({ kind: 'base64', mediaType: 'image/png', data: 'AA==' });
  });

  it.each(['https://example.com/a.png', 'data:image/png,AA', 'data:image/png;base64', 'data:', ''])('is not what %s is', (text) => {
    expect(readDataUrl(text)).toBeUndefined();
  });
});

describe('the media type of a file', () => {
  it.each([
    ['a.pdf', 'application/pdf'],
    ['notes.v2.MD', 'text/markdown'],
    ['a.docx', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
    ['report', 'application/pdf'],
    [undefined, 'application/pdf'],
  ])('of %s is %s', (name, type) => {
    expect(mediaTypeOf(name)).toBe(type);
  });
});

describe('the name of a file that is sent', () => {
  it.each([
    [undefined, 'application/pdf', 'document.pdf'],
    ['Quarterly Report', 'application/pdf', 'Quarterly Report.pdf'],
    ['Report v1.2 of the year', 'application/pdf', 'Report v1.2 of the year.pdf'],
    ['report.PDF', 'application/pdf', 'report.PDF'],
    ['notes', 'text/plain', 'notes.txt'],
    ['page', 'application/xhtml+xml', 'page.xml'],
  ])('tells what it is: %s, %s', (name, mediaType, sent) => {
    expect(fileName(name, mediaType)).toBe(sent);
  });
});
