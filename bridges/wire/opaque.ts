import type { Loss, OpaqueReasoning, ReasoningItem, TurnItem, TurnRequest, WireFormat } from './turn.ts';

/**
 * Opaque reasoning never leaves the machine's own hands: a client is given a handle, and the bytes behind it go back
 * only to the upstream and the model that wrote them. Another family's bytes, or another account's, would be refused.
 */
export type SealedReasoning = OpaqueReasoning & { upstream: string; model: string };

/** Where sealed reasoning is kept. `put` returns a random handle. */
export type HandleStore = {
  put(entry: SealedReasoning): string;
  get(handle: string): SealedReasoning | undefined;
};

export type OpaqueTarget = {
  target: WireFormat;
  upstream: string;
  model: string;
  /** The upstream may hand out handles like ours: those that are not ours are its own. */
  hasOwnHandles?: boolean;
};

/** What every handle that a client is given begins with. */
export const HANDLE_PREFIX = 'db1.';

const IN_JSON = Buffer.from(`"${HANDLE_PREFIX}`);
const FIELD = /"(?:signature|data|encrypted_content|reasoning_opaque)"\s*:\s*$/;
/** Bytes before a value that surely hold the name of its field. */
const FIELD_BYTES = 64;

/** True where a request body, as JSON, holds a handle in one of the fields that reasoning comes back in. One search of its bytes. */
export function holdsHandle(body: Buffer): boolean {
  for (let at = body.indexOf(IN_JSON); at >= 0; at = body.indexOf(IN_JSON, at + IN_JSON.length)) {
    if (FIELD.test(body.toString('latin1', Math.max(0, at - FIELD_BYTES), at))) return true;
  }
  return false;
}

/** Makes ReplyContext.seal for one reply: the same bytes always get the same handle, however often a format repeats them. */
export function seal(store: HandleStore, { upstream, model }: { upstream: string; model: string }): (opaque: OpaqueReasoning) => string {
  const handles = new Map<string, string>();
  return (opaque) => {
    const known = handles.get(opaque.data);
    if (known !== undefined) return known;
    const handle = HANDLE_PREFIX + store.put({ ...opaque, upstream, model });
    handles.set(opaque.data, handle);
    return handle;
  };
}

/** Gives the reasoning in a history its real bytes back, and leaves out what `to` could not read. */
export function resolveOpaque(turn: TurnRequest, store: HandleStore, to: OpaqueTarget): { turn: TurnRequest; lost: Loss[] } {
  if (!turn.items.some(isReasoning)) return { turn, lost: [] };
  const items: TurnItem[] = [];
  let dropped = 0;
  for (const item of turn.items) {
    if (item.type !== 'reasoning') {
      items.push(item);
      continue;
    }
    const resolved = resolveItem(item, turn.from, store, to);
    if (resolved !== undefined) items.push(resolved);
    if (resolved === undefined || (item.opaque !== undefined && resolved.opaque === undefined)) dropped += 1;
  }
  if (dropped === 0) return { turn: { ...turn, items }, lost: [] };
  const path = turn.from === 'responses' ? 'input' : 'messages';
  const what = dropped === 1 ? '1 reasoning item was' : `${dropped} reasoning items were`;
  return {
    turn: { ...turn, items },
    lost: [{ path, why: `${what} left out, whole or in part: only the upstream and model that wrote it can read it` }],
  };
}

function isReasoning({ type }: TurnItem): boolean {
  return type === 'reasoning';
}

function resolveItem(item: ReasoningItem, from: WireFormat, store: HandleStore, to: OpaqueTarget): ReasoningItem | undefined {
  const { opaque: given, ...rest } = item;
  const opaque = given === undefined ? undefined : resolve(given, from, store, to);
  if (opaque !== undefined) return { ...rest, opaque };
  return standsAlone(item, from, to.target) ? rest : undefined;
}

function resolve(opaque: OpaqueReasoning, from: WireFormat, store: HandleStore, to: OpaqueTarget): OpaqueReasoning | undefined {
  if (!opaque.data.startsWith(HANDLE_PREFIX)) return from === to.target && opaque.family === to.target ? opaque : undefined;
  const entry = store.get(opaque.data.slice(HANDLE_PREFIX.length));
  if (entry === undefined && to.hasOwnHandles === true && from === to.target) return opaque;
  if (entry === undefined) return undefined;
  const { upstream, model, ...kept } = entry;
  return kept.family === to.target && upstream === to.upstream && model === to.model ? kept : undefined;
}

/**
 * Reasoning without opaque bytes is of use in its own format alone: chat providers read plain text back, Responses
 * providers know an item they stored by its id, and Anthropic refuses thinking that is not signed.
 */
function standsAlone(item: ReasoningItem, from: WireFormat, target: WireFormat): boolean {
  if (from !== target) return false;
  if (target === 'chat') return item.summary.length > 0 || (item.content?.length ?? 0) > 0;
  return target === 'responses' && item.opaque === undefined;
}

type MemoryHandleOptions = { max: number; bytes?: number; random: () => string };

/** `restore` puts entries back under the handles they once had. They count as used before all that are there. */
export type MemoryHandleStore = HandleStore & { restore(once: Iterable<readonly [handle: string, entry: SealedReasoning]>): void };

/** A store that forgets what was least recently used once it holds more than `max` entries, or `bytes` characters of data. */
export function memoryHandleStore({ max, bytes = Number.POSITIVE_INFINITY, random }: MemoryHandleOptions): MemoryHandleStore {
  const entries = new Map<string, SealedReasoning>();
  let held = 0;
  const forget = (handle: string): void => {
    held -= entries.get(handle)?.data.length ?? 0;
    entries.delete(handle);
  };
  const keep = (handle: string, entry: SealedReasoning): void => {
    forget(handle);
    entries.set(handle, entry);
    held += entry.data.length;
    for (const oldest of entries.keys()) {
      if (entries.size <= max && held <= bytes) return;
      forget(oldest);
    }
  };
  return {
    put(entry) {
      const handle = random();
      keep(handle, entry);
      return handle;
    },
    get(handle) {
      const entry = entries.get(handle);
      if (entry === undefined) return undefined;
      entries.delete(handle);
      entries.set(handle, entry);
      return entry;
    },
    restore(once) {
      const since = [...entries];
      for (const [handle, entry] of [...once, ...since]) keep(handle, entry);
    },
  };
}
