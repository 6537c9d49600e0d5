import { hash } from 'node:crypto';
import type { Spawns } from '../adapters/spawns.ts';
import { assembleReply } from '../assemble.ts';
import { takeApart } from '../stream.ts';
import type { WireFormat } from '../../contract/index.ts';
import { asObject, asString, parseJson } from '../../wire/json.ts';

/** Hashes of prompts and lines: 12 bytes of SHA-256, as hex. */
export function textHash(text: string): string {
  return hash('sha256', text.trim()).slice(0, 24);
}

/**
 * The prompts of the sub-tasks that a reply asks for. Most replies ask for none: only one that names such a tool at
 * all is put together.
 */
export function spawnedPrompts(wire: WireFormat, streamed: boolean, reply: Buffer, { fields, quoted }: Spawns): string[] {
  // A tool is named in a frame of its own, not among the pieces of what is said.
  const apart = takeApart(reply);
  const where = apart?.told ?? reply;
  if (!quoted.some((name) => where.includes(name))) return [];
  return assembleReply(wire, streamed, reply).flatMap((part) => {
    const field = part.kind === 'tool_call' && part.name !== null ? fields.get(part.name) : undefined;
    const prompt = field === undefined ? undefined : asString(asObject(parseJson(part.text))?.[field]);
    return prompt === undefined || prompt.trim() === '' ? [] : [prompt];
  });
}

/** Shorter lines stand in many texts. */
const LINE_FROM = 24;
const MAX_LINES = 64;

/** The lines a summary can be known by again: its last ones, clients put it whole into the next history. */
export function summaryLines(wire: WireFormat, streamed: boolean, reply: Buffer): string[] {
  const text = assembleReply(wire, streamed, reply)
    .filter((part) => part.kind === 'text')
    .map((part) => part.text)
    .join('\n');
  return linesOf(text).slice(-3);
}

const REWRITTEN =
  /continued from a previous conversation|produced a summary of|conversation (?:was|has been) (?:summari[sz]ed|compacted)|<(?:conversation_)?summary>/i;

/** The lines of a history's first text, where it looks as if it had been rewritten; none otherwise. */
export function rewrittenLines(opening: readonly string[], first: string | null): string[] {
  const text = [first ?? '', ...opening].find((one) => REWRITTEN.test(one));
  return text === undefined ? [] : linesOf(text).slice(0, MAX_LINES);
}

function linesOf(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim()))]
    .filter((line) => line.length >= LINE_FROM)
    .map(textHash);
}
