import { describe, expect, it } from 'vitest';
import { holdsHandle, memoryHandleStore, resolveOpaque, seal } from '../../../bridges/wire/opaque.ts';
import type { HandleStore } from '../../../bridges/wire/opaque.ts';
import type { OpaqueReasoning, ReasoningItem, TurnItem, TurnRequest, WireFormat } from '../../../bridges/wire/turn.ts';

function counting(): () => string {
  let count = 0;
  return () => `h${++count}`;
}

function storeOf(max = 100): HandleStore {
  return memoryHandleStore({ max, random: counting() });
}

function turnOf(items: TurnItem[], from: WireFormat): TurnRequest {
  return { from, model: 'm', stream: false, items, tools: [], extra: {} };
}

function reasoning(opaque?: OpaqueReasoning, summary = ['thought']): ReasoningItem {
  return opaque === undefined ? { type: 'reasoning', summary } : { type: 'reasoning', summary, opaque };
}

const home = { upstream: 'anthropic', model: 'claude' };

describe('seal', () => {
  it('hands out a handle that says nothing of the bytes, the same for the same bytes', () => {
    const sealed = seal(storeOf(), home);
    expect(sealed({ family: 'messages', data: 'secret' })).toBe('db1.h1');
    expect(sealed({ family: 'messages', data: 'other' })).toBe('db1.h2');
    expect(sealed({ family: 'messages', data: 'secret' })).toBe('db1.h1');
  });
});

describe('holdsHandle', () => {
  it.each([
    ['{"type":"thinking","signature":"db1.h1"}', true],
    ['{"type": "redacted_thinking",\n  "data" :  "db1.h1"}', true],
    ['{"x":"db1.no","encrypted_content":"db1.h1"}', true],
    ['{"reasoning_opaque":"db1.h1"}', true],
    ['{"signature":"of somebody else"}', false],
    ['{"host":"db1.example"}', false],
    ['{"text":"\\"signature\\":\\"db1.h1\\""}', false],
    ['"db1.', false],
    ['', false],
  ])('%s: %s', (body, holds) => {
    expect(holdsHandle(Buffer.from(body))).toBe(holds);
  });
});

describe('resolveOpaque', () => {
  const resolve = (
    opaque: OpaqueReasoning | undefined,
    from: WireFormat,
    target: WireFormat,
    to = home,
    store = storeOf(),
  ): ReturnType<typeof resolveOpaque> => resolveOpaque(turnOf([reasoning(opaque)], from), store, { target, ...to });

  it('gives the bytes back to the upstream and model that wrote them, in whatever format the client spoke', () => {
    const store = storeOf();
    const data = seal(store, home)({ family: 'messages', data: 'signature', redacted: true });
    const { turn, lost } = resolve({ family: 'responses', data }, 'responses', 'messages', home, store);
    expect(turn.items).toEqual([reasoning({ family: 'messages', data: 'signature', redacted: true })]);
    expect(lost).toEqual([]);
  });

  it.each([
    ['another upstream', 'messages' as const, { upstream: 'bedrock', model: 'claude' }],
    ['another model', 'messages' as const, { upstream: 'anthropic', model: 'claude-2' }],
    ['another family', 'responses' as const, home],
  ])('keeps them from %s', (_, target, to) => {
    const store = storeOf();
    const data = seal(store, home)({ family: 'messages', data: 'signature' });
    const { turn, lost } = resolve({ family: 'messages', data }, 'messages', target, to, store);
    expect(turn.items).toEqual([]);
    expect(lost).toEqual([{ path: 'messages', why: expect.stringContaining('1 reasoning item was left out') }]);
  });

  it('drops a handle it does not know', () => {
    expect(resolve({ family: 'messages', data: 'db1.gone' }, 'messages', 'messages').turn.items).toEqual([]);
  });

  it('keeps bytes that are no handle only on a way to the same format and family', () => {
    const own: OpaqueReasoning = { family: 'messages', data: 'signature' };
    expect(resolve(own, 'messages', 'messages').turn.items).toEqual([reasoning(own)]);
    expect(resolve(own, 'messages', 'responses').turn.items).toEqual([]);
    expect(resolve(own, 'chat', 'messages').turn.items).toEqual([]);
    expect(resolve({ family: 'responses', data: 'x' }, 'messages', 'messages').turn.items).toEqual([]);
  });

  it('keeps plain reasoning where its own format has a use for it', () => {
    expect(resolve(undefined, 'chat', 'chat').turn.items).toEqual([reasoning()]);
    expect(resolve({ family: 'chat', data: 'db1.gone' }, 'chat', 'chat').turn.items).toEqual([reasoning()]);
    expect(resolve(undefined, 'responses', 'responses').turn.items).toEqual([reasoning()]);
    expect(resolve(undefined, 'messages', 'messages').turn.items).toEqual([]);
    expect(resolve(undefined, 'responses', 'messages').turn.items).toEqual([]);
  });

  it('counts what it left out in one report and leaves other items alone', () => {
    const user: TurnItem = { type: 'message', role: 'user', content: [] };
    const { turn, lost } = resolveOpaque(turnOf([user, reasoning(), user, reasoning()], 'responses'), storeOf(), {
      target: 'chat',
      ...home,
    });
    expect(turn.items).toEqual([user, user]);
    expect(lost).toEqual([{ path: 'input', why: expect.stringContaining('2 reasoning items were') }]);
  });
});

describe('memoryHandleStore', () => {
  it('forgets what was least recently used', () => {
    const store = storeOf(2);
    const entry = (data: string): Parameters<HandleStore['put']>[0] => ({ family: 'messages', ...home, data });
    const [a, b] = [store.put(entry('a')), store.put(entry('b'))];
    expect(store.get(a)?.data).toBe('a');
    const c = store.put(entry('c'));
    expect([a, b, c].map((handle) => store.get(handle)?.data)).toEqual(['a', undefined, 'c']);
  });
});
