import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { responses } from '../../../bridges/wire/responses/index.ts';
import type {
  JsonObject,
  MediaSource,
  Part,
  StopReason,
  ToolDefinition,
  TurnEvent,
  TurnItem,
  TurnRequest,
  Usage,
} from '../../../bridges/wire/turn.ts';
import { context, parseStream, renderStream } from './responses.helpers.ts';

/** Objects that may lack any of their fields. */
function optional<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return fc.record<T, never>(fields, { requiredKeys: [] });
}

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const json: fc.Arbitrary<JsonObject> = fc.record({ type: fc.constant('object'), title: name });

// ---------------------------------------------------------------------------------------------- requests

const source: fc.Arbitrary<MediaSource> = fc.oneof(
  fc.record({ kind: fc.constant('base64' as const), mediaType: fc.constantFrom('image/png', 'application/pdf'), data: fc.base64String() }),
  fc.record({ kind: fc.constant('url' as const), url: fc.webUrl() }),
  fc.record({ kind: fc.constant('file' as const), id: name.map((id) => `file_${id}`) }),
);
const extra = optional<{ extra: JsonObject }>({ extra: fc.record({ x_field: fc.integer() }) });
const textPart: fc.Arbitrary<Part> = fc
  .tuple(fc.record({ type: fc.constant('text' as const), text }), extra)
  .map(([part, more]) => ({ ...part, ...more }));
const media: fc.Arbitrary<Part> = fc.oneof(
  fc.tuple(source, optional<{ detail: string }>({ detail: name })).map(([source, more]): Part => ({ type: 'image', source, ...more })),
  fc.tuple(source, optional<{ name: string }>({ name })).map(([source, more]): Part => ({ type: 'document', source, ...more })),
);
const refusal: fc.Arbitrary<Part> = text.map((refused) => ({ type: 'refusal', text: refused }));
const ids = optional<{ id: string }>({ id: name });
const call = fc.record({ callId: name, kind: fc.constantFrom('function' as const, 'custom' as const) });

const item: fc.Arbitrary<TurnItem> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('user' as const, 'system' as const, 'developer' as const),
      fc.array(fc.oneof(textPart, media), { minLength: 1, maxLength: 3 }),
      ids,
      extra,
    )
    .map(([role, content, ...more]): TurnItem => Object.assign({ type: 'message' as const, role, content }, ...more)),
  fc
    .tuple(
      fc.array(fc.oneof(textPart, refusal), { minLength: 1, maxLength: 3 }),
      ids,
      optional<{ phase: string }>({ phase: fc.constantFrom('commentary', 'final_answer') }),
    )
    .map(([content, id, phase]): TurnItem => ({ type: 'message', role: 'assistant', content, ...id, ...phase })),
  fc
    .tuple(call, name, fc.string(), optional<{ namespace: string }>({ namespace: name }), ids)
    .map(([made, called, input, namespace, id]): TurnItem => ({ type: 'tool_call', ...made, name: called, input, ...namespace, ...id })),
  fc
    .tuple(call, fc.array(fc.oneof(textPart, media), { minLength: 1, maxLength: 3 }))
    .map(([made, content]): TurnItem => ({ type: 'tool_result', ...made, content })),
  fc
    .tuple(fc.array(text, { maxLength: 2 }), name, optional<{ content: string[] }>({ content: fc.array(text, { maxLength: 2 }) }), ids)
    .map(([summary, data, content, id]): TurnItem => ({
      type: 'reasoning',
      summary,
      opaque: { family: 'responses', data },
      ...content,
      ...id,
    })),
  name.map((id): TurnItem => ({ type: 'opaque', from: 'responses', name: 'item_reference', value: { type: 'item_reference', id } })),
);

const described = optional<{ description: string; deferred: boolean }>({ description: text, deferred: fc.boolean() });
const tool: fc.Arbitrary<ToolDefinition> = fc.oneof(
  fc
    .tuple(name, described, optional<{ parameters: JsonObject; strict: boolean }>({ parameters: json, strict: fc.boolean() }))
    .map(([named, ...more]): ToolDefinition => Object.assign({ type: 'function' as const, name: named }, ...more)),
  fc
    .tuple(name, described, optional<{ format: JsonObject }>({ format: fc.constant({ type: 'text' }) }))
    .map(([named, ...more]): ToolDefinition => Object.assign({ type: 'custom' as const, name: named }, ...more)),
  fc.tuple(name, name).map(([named, namespace]): ToolDefinition => ({
    type: 'function',
    name: named,
    namespace,
    extra: { namespace: { description: `about ${namespace}` } },
  })),
  fc.constant<ToolDefinition>({ type: 'hosted', from: 'responses', name: 'web_search', value: { type: 'web_search' } }),
);

/** Tools as they come out of a request: each name once, the members of a namespace together. */
function tidy(tools: ToolDefinition[]): ToolDefinition[] {
  const key = (tool: ToolDefinition): string => (tool.type === 'hosted' ? 'hosted' : `${tool.namespace ?? ''} ${tool.name}`);
  const group = (tool: ToolDefinition): string => (tool.type === 'hosted' ? '' : (tool.namespace ?? ''));
  const distinct = [...new Map(tools.map((tool) => [key(tool), tool])).values()];
  return [
    ...distinct.filter((tool) => group(tool) === ''),
    ...distinct.filter((tool) => group(tool) !== '').sort((a, b) => (group(a) < group(b) ? -1 : 1)),
  ];
}

const settings = optional<Omit<TurnRequest, 'from' | 'model' | 'stream' | 'items' | 'tools' | 'extra' | 'topK' | 'stop' | 'reasoning'>>({
  toolChoice: fc.constantFrom(
    { type: 'auto' },
    { type: 'any' },
    { type: 'tool', name: 'f', custom: false },
    { type: 'opaque', from: 'responses', value: { type: 'mcp' } },
  ),
  parallelToolCalls: fc.boolean(),
  maxOutputTokens: fc.nat(),
  temperature: fc.constantFrom(0, 0.5, 2),
  topP: fc.constantFrom(0, 1),
  output: fc.constantFrom({ type: 'text' }, { type: 'json' }, { type: 'json_schema', name: 'n', schema: {}, strict: true }),
  verbosity: name,
  cacheKey: name,
  user: name,
  serviceTier: name,
});

const turn: fc.Arbitrary<TurnRequest> = fc
  .tuple(
    fc.record({
      model: name,
      stream: fc.boolean(),
      items: fc.array(item, { maxLength: 8 }),
      tools: fc.array(tool, { maxLength: 6 }).map(tidy),
    }),
    settings,
    fc.option(text, { nil: undefined }),
    fc.option(fc.record({ effort: fc.constantFrom('low', 'high'), summary: name }), { nil: undefined }),
    optional<JsonObject>({
      store: fc.boolean(),
      metadata: json,
      text: fc.constant({ x: 1 }),
      reasoning: fc.constant({ context: 'all_turns' }),
    }),
  )
  .map(([base, more, instructions, reasoning, extra]) => {
    const first: TurnItem[] =
      instructions === undefined
        ? []
        : [{ type: 'message', role: 'system', content: [{ type: 'text', text: instructions }], extra: { instructions: true } }];
    return { from: 'responses', ...base, ...more, items: [...first, ...base.items], ...(reasoning !== undefined && { reasoning }), extra };
  });

describe('any request', () => {
  it('is the same after it was rendered and parsed again', () => {
    fc.assert(
      fc.property(turn, (asked) => {
        const { body, lost } = responses.renderRequest(asked);
        expect(lost).toEqual([]);
        expect(responses.parseRequest(JSON.parse(JSON.stringify(body)))).toEqual(asked);
      }),
      { numRuns: 500 },
    );
  });

  it('is rendered without a throw, whatever format it came from', () => {
    fc.assert(
      fc.property(turn, fc.constantFrom('chat' as const, 'messages' as const), (asked, from) => {
        const { body } = responses.renderRequest({ ...asked, from });
        expect(body.store).toBe(false);
        expect(() => responses.parseRequest(body)).not.toThrow();
      }),
    );
  });
});

// ---------------------------------------------------------------------------------------------- replies

/** Events of one item that must stay together, in order; several items are woven into each other. */
type Script = TurnEvent[][];

const deltas = fc.array(text, { minLength: 1, maxLength: 4 });
const plain = (start: TurnEvent, pieces = deltas): fc.Arbitrary<Script> =>
  pieces.map((all) => [
    [start],
    ...all.map((piece): TurnEvent[] => [{ type: 'delta', item: 0, text: piece }]),
    [{ type: 'item_end', item: 0, text: all.join('') }],
  ]);

// Blank arguments are made JSON (responses-reply.test.ts), and so do not come back as they were.
const args = deltas.filter((pieces) => pieces.join('').trim() !== '');

const reasoning = (form: 'summary' | 'content'): fc.Arbitrary<Script> =>
  fc.tuple(fc.array(deltas, { maxLength: 3 }), fc.boolean()).map(([sections, sealed]) => {
    const whole = sections.map((pieces) => pieces.join('')).join('\n\n');
    const begin: TurnEvent = { type: 'item_start', item: 0, kind: 'reasoning', id: 'rs_', form };
    const opaque = sealed || sections.length === 0 ? { opaque: { family: 'responses' as const, data: 'ENC' } } : {};
    const finish: TurnEvent = { type: 'item_end', item: 0, text: whole, ...opaque };
    const written = sections.flatMap((pieces, i): Script => [
      ...(i > 0 ? [[{ type: 'reasoning_break' as const, item: 0 }]] : []),
      ...pieces.map((piece): TurnEvent[] => [{ type: 'delta', item: 0, text: piece }]),
    ]);
    // An item of reasoning shows itself with its first words.
    const [first, ...rest] = written;
    return first === undefined ? [[begin, finish]] : [[begin, ...first], ...rest, [finish]];
  });

const script: fc.Arbitrary<Script> = fc.oneof(
  plain({ type: 'item_start', item: 0, kind: 'text', id: 'msg_', phase: 'commentary' }),
  plain({ type: 'item_start', item: 0, kind: 'refusal', id: 'msg_' }),
  plain({ type: 'item_start', item: 0, kind: 'tool_call', id: 'fc_', callId: 'c', name: 'f', namespace: 'n', tool: 'function' }, args),
  plain({ type: 'item_start', item: 0, kind: 'tool_call', id: 'ctc_', callId: 'c', name: 'f', tool: 'custom' }),
  reasoning('summary'),
  fc.constant<Script>([[{ type: 'keep_alive' }]]),
);

const usage: fc.Arbitrary<Usage> = fc.record({
  input: fc.nat(),
  cached: fc.nat(),
  cacheWrite: fc.nat(),
  output: fc.nat(),
  reasoning: fc.nat(),
});

/** Weaves scripts: `picks` says whose turn it is. Items are numbered as they appear, and so are their ids. */
function weave(scripts: Script[], picks: number[]): TurnEvent[] {
  const queues = scripts.map((script) => ({ steps: [...script], item: -1 }));
  const events: TurnEvent[] = [];
  let items = 0;
  for (let turn = 0; ; turn++) {
    const waiting = queues.filter(({ steps }) => steps.length > 0);
    const queue = waiting[(picks[turn % picks.length] ?? 0) % waiting.length];
    if (queue === undefined) return events;
    for (const event of queue.steps.shift() ?? []) {
      if (event.type === 'item_start') {
        queue.item = items++;
        const unique = { item: queue.item, id: `${event.id ?? ''}${queue.item}` };
        events.push(event.kind === 'tool_call' ? { ...event, ...unique, callId: `call_${queue.item}` } : { ...event, ...unique });
      } else events.push('item' in event ? { ...event, item: queue.item } : event);
    }
  }
}

const reply: fc.Arbitrary<TurnEvent[]> = fc
  .tuple(fc.array(script, { maxLength: 5 }), fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }), usage, fc.boolean())
  .map(([scripts, picks, usage, short]) => {
    const events = weave(scripts, picks);
    return [
      { type: 'start', id: 'resp_1', model: 'asked-model' },
      ...events,
      { type: 'end', stop: short ? 'max_tokens' : stopOf(events), usage },
    ];
  });

function stopOf(events: TurnEvent[]): StopReason {
  const kinds = new Set(events.map((event) => (event.type === 'item_start' ? event.kind : undefined)));
  if (kinds.has('tool_call')) return 'tool_use';
  return kinds.has('refusal') ? 'refusal' : 'end_turn';
}

describe('any reply', () => {
  it('is the same after it was rendered as a stream and parsed again', () => {
    fc.assert(
      fc.property(reply, (events) => {
        expect(parseStream(renderStream(events))).toEqual(events);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same wherever its bytes are split', () => {
    fc.assert(
      fc.property(reply, fc.integer({ min: 1, max: 50 }), (events, size) => {
        expect(parseStream(renderStream(events), size)).toEqual(events);
      }),
    );
  });

  it('is no success where its bytes are cut', () => {
    fc.assert(
      fc.property(reply, fc.nat(), (events, at) => {
        const whole = renderStream(events);
        const cut = parseStream(whole.slice(0, at % (whole.lastIndexOf('event: ') + 1)));
        expect(['cut', 'error']).toContain(cut.at(-1)?.type);
      }),
    );
  });

  it('has the same items as a whole as it has as a stream', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const whole: unknown = responses.renderReply(events, context());
        const parsed = responses.parseReply(JSON.parse(JSON.stringify(whole)));
        const ends = (list: TurnEvent[]): (string | undefined)[] =>
          list
            .filter((event) => event.type === 'item_end')
            .sort((a, b) => a.item - b.item)
            .map((event) => event.text);
        expect(ends(parsed)).toEqual(ends(events));
        expect(parsed.at(-1)).toEqual(events.at(-1));
      }),
    );
  });

  it('holds whole texts also where they came without deltas', () => {
    fc.assert(
      fc.property(reply, (events) => {
        const silent = events.filter(({ type }) => type !== 'delta' && type !== 'reasoning_break');
        const ends = (list: TurnEvent[]): TurnEvent[] => list.filter(({ type }) => type === 'item_end' || type === 'end');
        expect(new Set(ends(parseStream(renderStream(silent))).map((event) => JSON.stringify({ ...event, item: 0 })))).toEqual(
          new Set(ends(silent).map((event) => JSON.stringify({ ...event, item: 0 }))),
        );
      }),
    );
  });
});

/** The first event that breaks the hub's grammar. */
function faultIn(events: TurnEvent[]): TurnEvent | undefined {
  const open = new Set<number>();
  let items = 0;
  return events.find((event, i) => {
    const last = i === events.length - 1;
    switch (event.type) {
      case 'start':
        return i !== 0;
      case 'item_start':
        open.add(event.item);
        return event.item !== items++;
      case 'item':
        return event.item !== items++;
      case 'item_end':
        return !open.delete(event.item);
      case 'delta':
      case 'reasoning_break':
        return !open.has(event.item);
      case 'end':
        return !last || open.size > 0;
      case 'error':
      case 'cut':
        return !last;
      case 'keep_alive':
      case 'usage':
        return i === 0;
    }
  });
}

describe('any stream of events at all', () => {
  const type = fc.constantFrom(
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.output_item.done',
    'response.content_part.added',
    'response.content_part.done',
    'response.output_text.delta',
    'response.output_text.done',
    'response.refusal.delta',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.custom_tool_call_input.delta',
    'response.reasoning_summary_part.added',
    'response.reasoning_summary_text.delta',
    'response.reasoning_text.delta',
    'response.completed',
    'unheard.of',
  );
  const kind = fc.constantFrom('message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call', 3);
  const content = fc.oneof(
    fc.array(fc.record({ type: fc.constantFrom('output_text', 'refusal', 'other'), text: fc.oneof(text, fc.integer()) })),
    fc.string(),
  );
  const wireItem = fc.record(
    { type: kind, id: fc.constantFrom('a', 'b'), call_id: name, name, content, summary: content },
    { requiredKeys: [] },
  );
  const event = fc.record(
    {
      type,
      output_index: fc.oneof(fc.nat(2), fc.string()),
      item_id: fc.constantFrom('a', 'b'),
      content_index: fc.nat(1),
      summary_index: fc.nat(1),
      delta: fc.oneof(text, fc.integer()),
      text,
      arguments: text,
      part: fc.record({ type: fc.constantFrom('output_text', 'refusal', 'reasoning_text') }),
      item: fc.oneof(wireItem, fc.string()),
      response: fc.record({ id: name, output: fc.oneof(fc.array(wireItem), fc.string()) }, { requiredKeys: [] }),
    },
    { requiredKeys: ['type'] },
  );

  it('is parsed without a throw, into events that follow the grammar', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (frames) => {
        const events = parseStream(frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join(''));
        expect(faultIn(events)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});
