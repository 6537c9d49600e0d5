import type { MediaSource } from './turn.ts';

type Base64Source = Extract<MediaSource, { kind: 'base64' }>;

const SCHEME = 'data:';
const BASE64 = ';base64';

const PDF = 'application/pdf';
const MEDIA_TYPES = new Map([
  ['pdf', PDF],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['xml', 'text/xml'],
  ['json', 'application/json'],
]);

/** What a file is that comes without its type: its ending tells; a file without one is a PDF, the kind that is sent so. */
export function mediaTypeOf(filename = ''): string {
  const ending = /\.([^.]+)$/.exec(filename)?.[1];
  return ending === undefined ? PDF : (MEDIA_TYPES.get(ending.toLowerCase()) ?? 'application/octet-stream');
}

/** The name of a file that is sent: OpenAI's services ask for one, and take what it is from its ending. */
export function fileName(name: string | undefined, mediaType: string): string {
  const named = name ?? 'document';
  const [ending = mediaType.replace(/^.*[/+]/, '')] = Array.from(MEDIA_TYPES).find(([, type]) => type === mediaType) ?? [];
  return /\.[a-z\d]{1,5}$/i.test(named) ? named : `${named}.${ending}`;
}

/** Writes bytes as a `data:` URL. */
export function dataUrl({ mediaType, data }: Pick<Base64Source, 'mediaType' | 'data'>): string {
  return `${SCHEME}${mediaType}${BASE64},${data}`;
}

/** Reads `data:<type>;base64,<data>`; undefined for any other text. */
export function readDataUrl(url: string): Base64Source | undefined {
  // Image URLs are megabytes long: only their head is looked at.
  const comma = url.slice(0, SCHEME.length).toLowerCase() === SCHEME ? url.indexOf(',') : -1;
  const head = url.slice(SCHEME.length, Math.max(SCHEME.length, comma));
  if (comma < 0 || !head.toLowerCase().endsWith(BASE64)) return undefined;
  return { kind: 'base64', mediaType: head.slice(0, -BASE64.length), data: url.slice(comma + 1) };
}
