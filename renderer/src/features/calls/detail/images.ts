import type { Body } from '../../../../../bridges/contract/index.ts';

/** What a picture in a request is: bytes that can be drawn here, or an address that is never fetched. */
export type Picture = { kind: 'data'; url: string } | { kind: 'address'; url: string };

/** Kinds that hold nothing but pixels. */
const DRAWN = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$/;

/**
 * The pictures of a request in the order in which they stand, in all three wire formats: what a conversation says of
 * them is their kind alone. Empty where the body came in part.
 */
export function picturesOf(body: Body | null): Picture[] {
  if (body === null || !body.whole || body.encoding !== 'utf8' || !body.content.includes('image')) return [];
  const found: Picture[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const one of value) walk(one);
      return;
    }
    if (!isRecord(value)) return;
    const picture = pictureOf(value);
    if (picture !== null) found.push(picture);
    else for (const one of Object.values(value)) walk(one);
  };
  try {
    walk(JSON.parse(body.content));
  } catch {
    return [];
  }
  return found;
}

/** True where the window may draw it. */
export function isDrawn({ kind, url }: Picture): boolean {
  return kind === 'data' && DRAWN.test(url);
}

function pictureOf(value: Record<string, unknown>): Picture | null {
  switch (value['type']) {
    case 'image': {
      const source = value['source'];
      if (!isRecord(source)) return null;
      if (typeof source['data'] === 'string') return { kind: 'data', url: `data:${String(source['media_type'])};base64,${source['data']}` };
      return typeof source['url'] === 'string' ? fromUrl(source['url']) : null;
    }
    case 'image_url': {
      const source = value['image_url'];
      return isRecord(source) && typeof source['url'] === 'string' ? fromUrl(source['url']) : null;
    }
    case 'input_image':
      return typeof value['image_url'] === 'string' ? fromUrl(value['image_url']) : null;
    default:
      return null;
  }
}

function fromUrl(url: string): Picture {
  return { kind: url.startsWith('data:') ? 'data' : 'address', url };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
