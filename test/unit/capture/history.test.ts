import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentScans, scanRequest, type Scan } from '../../../bridges/capture/conversations/scan.ts';
import { spoken } from '../../../bridges/capture/conversations/atoms.ts';
import type { WireFormat } from '../../../bridges/contract/index.ts';
import { recorded } from '../../wire/recorded.ts';

const body = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const chains = (scan: Scan | undefined): string[] => (scan?.steps ?? []).map((step) => step.chain);

/** The same exchange as each wire format puts it. */
const SAME: Record<WireFormat, Buffer> = {
  messages: body({
    model: 'm',
    max_tokens: 9,
    system: 'be brief',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: '<system-reminder>now</system-reminder>' },
          { type: 'text', text: 'list' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Looking.' },
          { type: 'tool_use', id: 'a', name: 'ls', input: { b: 1, a: 2 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'README', cache_control: { type: 'ephemeral' } }] },
    ],
  }),
  chat: body({
    model: 'm',
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'list' },
      {
        role: 'assistant',
        content: 'Looking.',
        tool_calls: [{ id: 'z', type: 'function', function: { name: 'ls', arguments: '{ "a": 2, "b": 1 }' } }],
      },
      { role: 'tool', tool_call_id: 'z', content: 'README' },
    ],
  }),
  responses: body({
    model: 'm',
    instructions: 'be brief',
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'list' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Looking.' }] },
      { type: 'function_call', call_id: 'q', name: 'ls', arguments: '{"b":1,"a":2}' },
      { type: 'function_call_output', call_id: 'q', output: 'README' },
    ],
  }),
};

describe('the history of a request', () => {
  it('is the same chain in every wire format', () => {
    const all = (['messages', 'chat', 'responses'] as const).map((wire) => chains(scanRequest(wire, SAME[wire])));
    expect(all[0]).toHaveLength(4);
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
  });
  it('takes a string for a single text block', () => {
    const asString = scanRequest('messages', body({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }));
    const asBlock = scanRequest(
      'messages',
      body({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] }),
    );
    expect(chains(asString)).toEqual(chains(asBlock));
    expect(chains(scanRequest('responses', body({ model: 'm', input: 'hi' })))).toEqual(chains(asString));
  });
  it('takes a tool call that was sent twice once', () => {
    const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'ls', input: {} }] };
    const once = body({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }, call] });
    const twice = body({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }, call, call] });
    expect(chains(scanRequest('messages', twice))).toEqual(chains(scanRequest('messages', once)));
  });
  it('tells the type of a part by the part, never by its role', () => {
    const scan = scanRequest('messages', SAME.messages);
    expect(scan?.steps.map((step) => [step.side, step.kind])).toEqual([
      ['user', 'text'],
      ['assistant', 'text'],
      ['assistant', 'tool_call'],
      ['user', 'tool_result'],
    ]);
  });
  it('says what the bytes of a request are made of', () => {
    const scan = scanRequest('messages', SAME.messages);
    expect(scan?.context.system).toBe('"be brief"'.length);
    expect(scan?.context.results).toBeGreaterThan(50);
    expect(scan?.first).toBe('list');
  });
  it('is nothing where the body is no request', () => {
    for (const text of ['', '{', '[]', '{"messages":[{]}', '{"messages":"x', 'null'])
      expect(scanRequest('chat', Buffer.from(text))).toBeUndefined();
  });
  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void scanRequest('chat', Buffer.from(bytes))));
    fc.assert(fc.property(fc.json(), (json) => void scanRequest('messages', Buffer.from(json))));
  });
});

describe('scanning what a request adds to the one before', () => {
  it('gives what scanning all of it gives', () => {
    for (const { wire, body: whole, name } of recorded('request')) {
      const text = Buffer.from(JSON.stringify(whole));
      const plain = scanRequest(wire, text);
      for (const share of [0.3, 0.7, 0.95]) {
        const list = wire === 'responses' ? 'input' : 'messages';
        if (typeof whole !== 'object' || whole === null || Array.isArray(whole) || !Array.isArray(whole[list])) continue;
        const earlier = { ...whole, [list]: whole[list].slice(0, Math.ceil(whole[list].length * share)) };
        const before = scanRequest(wire, Buffer.from(JSON.stringify(earlier)));
        const after = scanRequest(wire, text, before);
        expect({ name, ...after, body: null }).toEqual({ name, ...plain, body: null });
      }
    }
  });
  it.each(['system', 'user', 'tool'])('counts what a message is made of where its cache mark has moved on: %s', (role) => {
    const block = (text: string, marked: boolean): object => ({
      ...(role === 'tool' ? { role, tool_call_id: 'z' } : { role }),
      content: [{ type: 'text', text, ...(marked ? { cache_control: { type: 'ephemeral' } } : {}) }],
    });
    const of = (...messages: object[]): Buffer => body({ model: 'm', messages: [{ role: 'user', content: 'go' }, ...messages] });
    const now = of(block('one', false), block('two', true));
    expect(scanRequest('chat', now, scanRequest('chat', of(block('one', true))))?.context).toEqual(scanRequest('chat', now)?.context);
  });
  it('gives the same where several histories go on from one, and where one of them breaks off', () => {
    const step = fc.record({ from: fc.nat(), keep: fc.nat(8), add: fc.integer({ min: 1, max: 4 }), broken: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let said = 0;
        const known: { messages: object[]; scan: Scan | undefined }[] = [{ messages: [], scan: undefined }];
        for (const { from, keep, add, broken } of steps) {
          const before = known[from % known.length];
          const next = Array.from({ length: add }, () => ({ role: said % 2 === 0 ? 'user' : 'assistant', content: `${(said += 1)}` }));
          const messages = [...(before?.messages.slice(0, Math.max(1, keep)) ?? []), ...next];
          const whole = body({ model: 'm', messages });
          const text = broken ? whole.subarray(0, -2) : whole;
          const scan = scanRequest('chat', text, before?.scan);
          const plain = scanRequest('chat', text);
          expect([chains(scan), scan?.ends]).toEqual([chains(plain), plain?.ends]);
          if (scan !== undefined) known.push({ messages, scan });
        }
      }),
    );
  });
  it('finds the conversation among others', () => {
    const scans = new RecentScans();
    const talk = (who: string, turns: number): Buffer =>
      body({
        model: 'm',
        messages: Array.from({ length: turns }, (_, i) => ({
          role: i % 2 === 0 ? 'user' : 'assistant',
          content: `${who} ${i} ${'x'.repeat(99)}`,
        })),
      });
    for (let turns = 1; turns < 12; turns += 2) {
      for (const who of ['a', 'b', 'c'])
        expect(chains(scans.scan('chat', talk(who, turns)))).toEqual(chains(scanRequest('chat', talk(who, turns))));
    }
  });
});

describe('what a person said', () => {
  it('stands without what the client put around it', () => {
    expect(spoken('<system-reminder>a</system-reminder>hello')).toBe('hello');
    expect(spoken('<current_datetime>2026</current_datetime>\n\nsay hi')).toBe('say hi');
    expect(spoken('<environment_context> <cwd>/x</cwd></environment_context>')).toBe('');
    expect(spoken('<b>bold</b> move')).toBe('<b>bold</b> move');
  });
});
