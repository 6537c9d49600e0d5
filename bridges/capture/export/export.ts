import { DrawbridgeError } from '../../contract/errors.ts';
import type { Capture } from '../capture.ts';
import { HAR_BETWEEN, HAR_TAIL, harHead } from './har.ts';
import { headLine } from './jsonl.ts';
import { PAGE_TAIL, pageCall, pageHead, Said } from './page.ts';

export type ExportOptions = {
  format: 'jsonl' | 'har' | 'html';
  /** In the query language; all calls where it is not given. */
  query?: string | undefined;
  /** Any call of the conversation that `html` is made of. */
  conversation?: number | undefined;
  bodies: boolean;
  version: string;
  /** Unix milliseconds. */
  now: number;
};

type Source = Pick<Capture, 'ask'>;

/** Pieces are no longer than this, so that no carrier needs room for a whole call. UTF-16 units. */
const PIECE = 128 * 1024;
const AT_ONCE = 200;
const MOST_NODES = 20_000;

/**
 * A file in pieces, oldest call first. Holds the numbers of the calls and one piece, never what they said all at once.
 * The capture worker is asked for a little at a time, so that calls are kept meanwhile. Throws bad_input, not_found.
 */
export async function* exportCalls(source: Source, options: ExportOptions): AsyncGenerator<string, void> {
  for await (const text of options.format === 'html' ? page(source, options) : list(source, options)) yield* pieces(text);
}

async function* list(source: Source, { format, query, bodies, version, now }: ExportOptions): AsyncGenerator<string, void> {
  const written = format === 'har' ? 'har' : 'jsonl';
  const ids: number[] = [];
  for (let before: number | undefined; ;) {
    const found = await source.ask({ kind: 'ids', query, before, now });
    ids.push(...found.ids);
    if (found.next === null) break;
    before = found.next;
  }
  ids.reverse();
  yield written === 'har' ? harHead(version) : headLine(new Date(now).toISOString(), bodies);
  let first = true;
  for (let at = 0; at < ids.length;) {
    const { text, taken } = await source.ask({ kind: 'written', format: written, ids: ids.slice(at, at + AT_ONCE), bodies });
    at += taken;
    if (text === '') continue;
    if (written === 'har' && !first) yield HAR_BETWEEN;
    first = false;
    yield text;
  }
  if (written === 'har') yield HAR_TAIL;
}

async function* page(source: Source, { conversation, bodies }: ExportOptions): AsyncGenerator<string, void> {
  if (conversation === undefined)
    throw new DrawbridgeError('bad_input', 'A page holds one conversation: name it by the number of any of its calls.');
  const { tree } = await source.ask({ kind: 'tree', call: conversation, limit: MOST_NODES });
  if (tree === null) throw new DrawbridgeError('not_found', `Call ${conversation} is in no conversation.`, { call: conversation });
  const ended = tree.nodes.filter(({ state }) => state !== 'open');
  const followers = new Map<number, number>();
  for (const { parent } of ended) if (parent !== null) followers.set(parent, (followers.get(parent) ?? 0) + 1);
  const said = new Said();
  yield pageHead(tree.conversation, { shown: ended.length, more: tree.more });
  for (const node of ended) {
    const parts = bodies ? (await source.ask({ kind: 'parts', call: node.call })).parts : null;
    yield pageCall(node, parts === null ? [] : said.add(node, parts.request, parts.reply));
    if (!followers.has(node.call)) said.forget(node.call);
    if (node.parent === null) continue;
    const left = (followers.get(node.parent) ?? 1) - 1;
    followers.set(node.parent, left);
    if (left === 0) said.forget(node.parent);
  }
  yield PAGE_TAIL;
}

/** Cuts a text; never inside a pair of surrogates, which would be no text any more. */
function* pieces(text: string): Generator<string, void> {
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + PIECE);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}
