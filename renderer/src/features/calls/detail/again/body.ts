import type { Body, EngineClient } from '../../../../../../bridges/contract/index.ts';

type Edited = NonNullable<Parameters<EngineClient['replay']['run']>[0]['body']>;

/** A kept body as a text to edit: indented where it is JSON. */
export function prettyOf(body: Body | null): string {
  if (body === null || body.encoding !== 'utf8') return '';
  try {
    return JSON.stringify(JSON.parse(body.content), null, 2);
  } catch {
    return body.content;
  }
}

/** What an edited text stands for, or what is wrong with it. */
export function bodyOf(text: string): { value: Edited } | { problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { value } : { problem: 'A request is a JSON object: it begins with { and ends with }.' };
  } catch (error) {
    return { problem: `This is no JSON: ${error instanceof Error ? error.message : 'it cannot be read'}.` };
  }
}

function isObject(value: unknown): value is Edited {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
