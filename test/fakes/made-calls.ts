import type { AssembledPart, Body, Call, CallDetail, WireFormat } from '../../bridges/contract/index.ts';

type Kind = {
  client: string;
  version: string | null;
  caller: string | null;
  upstream: string;
  route: string;
  wireIn: WireFormat;
  wireOut: WireFormat;
  path: string;
  requested: string;
  used: string;
};

const KINDS: readonly Kind[] = [
  {
    client: 'claude-code',
    version: '2.1.34',
    caller: 'claude-code on laptop',
    upstream: 'anthropic',
    route: 'own provider',
    wireIn: 'messages',
    wireOut: 'messages',
    path: '/v1/messages',
    requested: 'claude-opus-4-8',
    used: 'claude-opus-4-8',
  },
  {
    client: 'codex',
    version: '0.140.0',
    caller: 'codex',
    upstream: 'openai',
    route: 'own provider',
    wireIn: 'responses',
    wireOut: 'responses',
    path: '/v1/responses',
    requested: 'gpt-5.4-codex',
    used: 'gpt-5.4-codex-2026-09-30',
  },
  {
    client: 'claude-code',
    version: '2.1.34',
    caller: 'claude-code on laptop',
    upstream: 'gateway',
    route: 'rule 1',
    wireIn: 'messages',
    wireOut: 'chat',
    path: '/v1/messages',
    requested: 'claude-haiku-4-8',
    used: 'gpt-5.4-mini',
  },
  {
    client: 'openai-sdk',
    version: '6.10.0',
    caller: 'nightly script',
    upstream: 'practice',
    route: 'practice model',
    wireIn: 'chat',
    wireOut: 'chat',
    path: '/v1/chat/completions',
    requested: 'practice/echo',
    used: 'practice/echo',
  },
  {
    client: 'copilot-cli',
    version: '1.4.2',
    caller: 'codex',
    upstream: 'openai',
    route: 'rule 2',
    wireIn: 'chat',
    wireOut: 'responses',
    path: '/v1/chat/completions',
    requested: 'gpt-5.4',
    used: 'gpt-5.4',
  },
];

/** A row that depends on nothing but its id and its time. */
export function madeCall(id: number, startedAtMs: number): Call {
  const random = sequence(id);
  const kind = KINDS[Math.floor(random() * KINDS.length)] ?? KINDS[0];
  if (!kind) throw new Error('there are no kinds of calls');
  const base: Call = {
    id,
    startedAt: new Date(startedAtMs).toISOString(),
    state: 'done',
    client: kind.client,
    clientVersion: kind.version,
    caller: kind.caller,
    method: 'POST',
    path: kind.path,
    route: kind.route,
    upstream: kind.upstream,
    wireIn: kind.wireIn,
    wireOut: kind.wireOut,
    modelRequested: kind.requested,
    modelUsed: kind.used,
    status: 200,
    streamed: random() > 0.15,
    cut: false,
    ttfbMs: Math.round(180 + random() * 900),
    durationMs: Math.round(1500 + random() * 14_000),
    requestBytes: Math.round(2000 + random() * 180_000),
    replyBytes: Math.round(800 + random() * 40_000),
    usage: {
      input: Math.round(900 + random() * 60_000),
      cached: Math.round(random() * 900),
      cacheWrite: null,
      output: Math.round(40 + random() * 3000),
      reasoning: kind.wireIn === 'responses' ? Math.round(random() * 900) : null,
    },
    lost:
      kind.wireIn === kind.wireOut
        ? []
        : [
            { path: 'system[0].cache_control', why: 'chat has no place for cache marks' },
            { path: 'thinking.budget_tokens', why: 'chat takes an effort, not a budget' },
          ],
    error: null,
  };
  const fate = random();
  if (id % 23 === 0) {
    return {
      ...base,
      status: 429,
      durationMs: 210,
      streamed: false,
      usage: null,
      error: 'The upstream allows no more requests for 42 seconds (retry-after). The client was told the same.',
    };
  }
  if (id % 31 === 0) return { ...base, cut: true, state: 'cut', usage: null, error: 'The client left before the reply was complete.' };
  if (fate < 0.02)
    return { ...base, status: 502, usage: null, ttfbMs: null, error: 'The upstream closed the connection before it answered.' };
  if (fate < 0.05) {
    return {
      ...base,
      upstream: null,
      wireOut: null,
      route: null,
      modelUsed: null,
      status: 404,
      usage: null,
      streamed: false,
      durationMs: 3,
      ttfbMs: 2,
      lost: [],
      error: `No upstream serves the model "${kind.requested}".`,
    };
  }
  return base;
}

/** Everything about a row, made up from it. `limit` bounds each body as the engine does. */
export function madeDetail(call: Call, limit: number): CallDetail {
  const answer = `The function reads the whole file before it checks its size. I moved the check to the front, so that a file above the limit is refused before any of it is read.\n\nThere is one more place with the same habit, in \`upload.ts\`. Shall I change that one as well?`;
  const request = JSON.stringify({
    model: call.modelRequested,
    max_tokens: 32_000,
    stream: call.streamed,
    temperature: 1,
    seed: 9007199254740,
    metadata: { user_id: 'u_41', session: null, tried: true },
    messages: [
      { role: 'user', content: 'Why does the import of large files run out of memory?' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_01', name: 'read_file', input: { path: 'src/import.ts' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_01', content: SOURCE }] },
    ],
    padding: 'x'.repeat(Math.max(0, call.requestBytes - 2500)),
  });
  const frames = call.streamed ? streamOf(answer) : [];
  const reply = call.streamed
    ? frames.join('')
    : JSON.stringify(call.error === null ? { content: answer } : { type: 'error', error: { message: call.error } });
  let offset = 0;
  const timeline = frames.map((frame, index): [number, number] => {
    const begin = offset;
    offset += Buffer.byteLength(frame);
    return [begin, (call.ttfbMs ?? 0) + index * 31];
  });
  const translated = call.wireIn !== call.wireOut && call.upstream !== null;
  return {
    call,
    client: {
      request: { headers: requestHeaders(call), body: body(request, limit) },
      reply: { headers: replyHeaders(call), body: call.state === 'open' ? null : body(reply, limit) },
    },
    upstream: translated
      ? {
          request: {
            headers: [
              ['host', 'gateway.example'],
              ['authorization', 'Bearer [redacted]'],
              ['content-type', 'application/json'],
            ],
            body: body(
              JSON.stringify({ model: call.modelUsed, stream: call.streamed, messages: [{ role: 'user', content: 'Why?' }] }),
              limit,
            ),
          },
          reply: { headers: [['content-type', 'text/event-stream']], body: body('data: {"choices":[]}\n\ndata: [DONE]\n\n', limit) },
        }
      : null,
    assembled: { request: HISTORY, reply: call.error === null && call.state === 'done' ? replyParts(answer) : [] },
    timeline,
  };
}

/** A short stream of pseudo-random numbers: the same for the same seed. */
function sequence(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 4_294_967_296;
  };
}

function body(text: string, limit: number): Body {
  const bytes = Buffer.byteLength(text);
  return { bytes, encoding: 'utf8', content: text.slice(0, limit), whole: bytes <= limit };
}

function streamOf(text: string): string[] {
  const words = text.split(/(?<= )/);
  return [
    `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","role":"assistant"}}\n\n`,
    ...words.map(
      (word) =>
        `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: word } })}\n\n`,
    ),
    `event: message_stop\ndata: {"type":"message_stop"}\n\n`,
  ];
}

function requestHeaders(call: Call): [string, string][] {
  return [
    ['host', '127.0.0.1:11435'],
    ['user-agent', `${call.client}/${call.clientVersion ?? '0'}`],
    ['authorization', 'Bearer [redacted]'],
    ['content-type', 'application/json'],
    ['accept', 'text/event-stream'],
    ['anthropic-version', '2023-06-01'],
    ['anthropic-beta', 'context-management-2025-06-27,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14'],
  ];
}

function replyHeaders(call: Call): [string, string][] {
  return [
    ['content-type', call.streamed ? 'text/event-stream; charset=utf-8' : 'application/json'],
    ['request-id', `req_${call.id}`],
    ['set-cookie', '[redacted]'],
    ['x-ratelimit-remaining-tokens', '182000'],
  ];
}

function part(role: AssembledPart['role'], kind: AssembledPart['kind'], text: string, name: string | null = null): AssembledPart {
  return { role, kind, text, name, callId: kind === 'tool_call' || kind === 'tool_result' ? 'toolu_01' : null };
}

const SOURCE = Array.from(
  { length: 60 },
  (_, line) => `${line + 1}  const part${line} = await readFile(paths[${line}] ?? fallback, 'utf8');`,
).join('\n');

const HISTORY: AssembledPart[] = [
  part(
    'system',
    'text',
    `You are a careful engineer. You read before you write, and say what you did not check.\n\n${'Keep to the conventions of the repository: names, tests, error codes. '.repeat(40)}`,
  ),
  part('user', 'text', 'Why does the import of large files run out of memory?'),
  part('user', 'image', '', 'image/png'),
  part(
    'assistant',
    'reasoning',
    'The user sees memory grow with the size of the file. Most likely the file is read whole. I should look at the importer first.',
  ),
  part('assistant', 'text', 'I will read the importer first.'),
  part('assistant', 'tool_call', JSON.stringify({ path: 'src/import.ts', from: 1, to: 60 }), 'read_file'),
  part('tool', 'tool_result', SOURCE, 'read_file'),
];

function replyParts(answer: string): AssembledPart[] {
  return [
    part('assistant', 'reasoning', 'The size is checked on line 41, after the read on line 12. Moving it is enough.'),
    part('assistant', 'text', answer),
  ];
}
