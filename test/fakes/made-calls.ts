import type {
  AssembledPart,
  Body,
  Call,
  CallDetail,
  CallIdentity,
  Conversation,
  ConversationNode,
  WireFormat,
  Why,
} from '../../bridges/contract/index.ts';

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

/** Where two wire formats differ it is always messages to chat: the bodies and the losses below are of these. */
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
    wireIn: 'messages',
    wireOut: 'chat',
    path: '/v1/messages',
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
  const answer = `The function reads the whole file before it checks its size. I moved the check to the front, so that a file above the limit is refused before any of it is read.\n\nThere is one more place with the same habit, in \`upload.ts\`. Shall I change that one as well?\n\n\`\`\`ts\nconst { size } = await stat(path); // asked for first\nif (size > LIMIT) throw new TooLarge(path);\n\`\`\``;
  const request = JSON.stringify({
    model: call.modelRequested,
    max_tokens: 32_000,
    stream: call.streamed,
    temperature: 1,
    seed: 9007199254740,
    metadata: { user_id: 'u_41', session: null, tried: true },
    thinking: { type: 'enabled', budget_tokens: 16_000 },
    system: [{ type: 'text', text: 'You are a careful engineer.', cache_control: { type: 'ephemeral' } }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Why does the import of large files run out of memory?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXELS } },
        ],
      },
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
              JSON.stringify({
                model: call.modelUsed,
                stream: call.streamed,
                stream_options: { include_usage: true },
                reasoning_effort: 'medium',
                max_completion_tokens: 32_000,
                messages: [
                  { role: 'system', content: 'You are a careful engineer.' },
                  { role: 'user', content: 'Why does the import of large files run out of memory?' },
                ],
              }),
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

/** Why a made call's prompt could not be read whole from the cache. */
export function madeWhy(call: Call): Why {
  const element = (index: number, label: string, bytes: number) => ({ section: 'history' as const, index, label, bytes });
  return {
    call: call.id,
    previous: call.id - 1,
    shared: { elements: 14, bytes: 61_300 },
    broke: {
      section: 'system',
      index: 1,
      label: 'system text',
      bytes: 512,
      before: 'You are a careful engineer.\nToday is Friday.\nThe working folder is /home/you/shop.',
      after: 'You are a careful engineer.\nToday is Saturday.\nThe working folder is /home/you/shop.',
      reason: 'system text changed',
    },
    added: [element(0, 'user', 2100), element(1, 'assistant: Edit', 900), element(2, 'tool result', 18_400)],
    cached: 14_336,
  };
}

/** A conversation of this one call. */
export function madeTree(call: Call): { conversation: Conversation; nodes: ConversationNode[]; more: boolean } {
  const { usage } = call;
  const tokens = {
    inputGross: usage?.input ?? null,
    inputNet: usage === null || usage.input === null ? null : usage.input - (usage.cached ?? 0),
    cached: usage?.cached ?? null,
    cacheWrite: usage?.cacheWrite ?? null,
    output: usage?.output ?? null,
    reasoning: usage?.reasoning ?? null,
  };
  const cost =
    usage === null
      ? ({ usd: null, label: 'unknown', complete: false } as const)
      : ({ usd: 0.0412, label: 'list price', complete: true } as const);
  const { id, startedAt, client, caller, status, state, upstream, durationMs, modelUsed: model } = call;
  const title = 'Why does the import of large files run out of memory?';
  const context = { system: 2400, tools: 12_000, history: 8000, results: 22_000 };
  return {
    conversation: {
      id,
      title,
      client,
      caller,
      session: null,
      cwd: null,
      gitBranch: null,
      model,
      startedAt,
      lastAt: startedAt,
      calls: 1,
      failed: 0,
      subtasks: 0,
      tokens,
      cost,
    },
    nodes: [
      {
        call: id,
        parent: null,
        kind: 'turn',
        line: 'main',
        startedAt,
        title,
        model,
        upstream,
        status,
        state,
        durationMs,
        tokens,
        cost,
        context,
        messages: 3,
      },
    ],
    more: false,
  };
}

/** To whom a made call belongs. */
export function madeIdentity(call: Call): CallIdentity {
  return {
    adapter: call.client,
    source: 'header',
    session: '0192f3c1-8f5e-7d1a-9c55-2f6f1f3d4b6a',
    thread: null,
    parentThread: null,
    cwd: '/home/you/shop',
    gitBranch: 'main',
    gitOrigin: null,
    gitCommit: null,
    facts: { sandbox: 'workspace-write' },
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

/** A small picture: a curve that rises. */
const PIXELS =
  'iVBORw0KGgoAAAANSUhEUgAAAEAAAAAgCAIAAAAt/+nTAAAOHElEQVR42u3Ui2fD/r/H8d+f81VKKVVKKVVKaTQqNCqValRKiErJWaNZfbZmXbZ0y7p0i2WVtllbvehFL+tlveiFGWOMcf6YMw7H73d+juNcncOX1x/wfPD2/ssf0NEEHczQ3gLtrNDWBm3s0NoBrZzQ0gUt3NDcA8280NQHTfzQOACNgtAQgQYhqB+GehGoG4U6Magdh1oJqElBDRqqJ6GXFFRjoWoaqmQgPQuVAfScg7Q89HQFqQXo8RZ6KEKlEnSvQkUNuitDcgW6MaBCA5Ja0HUXEnvQ5RDKj6GLVyi3gM7foLMNBHZQ9gidvkP8B5T5hLgvKP0NnfxA//CXP+CjCT6Y4b0F3lnhrQ3e2OG1A1454aULXrjhuQeeeeGpD5744XEAHgXhIQIPQnA/DPcicDcKd2JwOw63EnCTghs0XE/CLym4xsLVNFzJwHoWLgP4OQdrefjpClYL8OMt/FCESyX4XoWLGnxXhuUKfGPAhQYsteDrLiz24MshnB/DF69wbgGfv8FnGxjs4OwRPn2H+Q848wlzX3D6Gz75gX8ByNGEHMzI3oLsrMjWhmzsyNqBrJzI0oUs3Mjcg8y8yNSHTPzIOICMgsgQQQYhpB9GehGkG0U6MaQdR1oJpEkhDRqpJ5GXFFJjkWoaqWQQPYuUAfKcQ7Q88nSFqAXk8RZ5KCKlEnKvIkUNuSsjcgW5MZBCA5FayHUXEXvI5RDJj5GLVyS3QM7fkLMNAnZI9oicviP8B5L5RLgvJP2NnPwgvwD0aEIPZnRvQXdWdGtDN3Z07UBXTnTpQhdudO5BZ1506kMnfnQcQEdBdIiggxDaD6O9CNqNop0Y2o6jrQTapNAGjdaT6EsKrbFoNY1WMqieRcsAfc6hWh59ukLVAvp4iz4U0VIJvVfRoobelVG5gt4YaKGBSi30uouKPfRyiObH6MUrmlug52/o2QYFOzR7RE/fUf4DzXyi3Bea/kZPftBfAHY0YQcztrdgOyu2tWEbO7Z2YCsntnRhCzc292AzLzb1YRM/Ng5goyA2RLBBCOuHsV4E60axTgxrx7FWAmtSWIPG6knsJYXVWKyaxioZTM9iZYA95zAtjz1dYWoBe7zFHopYqYTdq1hRw+7KmFzBbgys0MCkFnbdxcQedjnE8mPs4hXLLbDzN+xsg4Edlj1ip+8Y/4FlPjHuC0t/Yyc/2C8AP5rwgxnfW/CdFd/a8I0dXzvwlRNfuvCFG5978JkXn/rwiR8fB/BREB8i+CCE98N4L4J3o3gnhrfjeCuBNym8QeP1JP6SwmssXk3jlQyuZ/EywJ9zuJbHn65wtYA/3uIPRbxUwu9VvKjhd2VcruA3Bl5o4FILv+7iYg+/HOL5MX7xiucW+PkbfrbBwQ7PHvHTd5z/wDOfOPeFp7/xkx/8F0AcTcTBTOwtxM5KbG3Exk6sHcTKSSxdxMJNzD3EzEtMfcTET4wDxChIDBFiECL6YaIXIbpRohMj2nGilSCaFNGgiXqSeEkRNZaopolKhtCzRBkQzzlCyxNPV4RaIB5viYciUSoR9ypR1Ii7MiFXiBuDKDQIqUVcdwmxR1wOifyYuHglcgvi/I042xBgR2SPxOk7wX8QmU+C+yLS38TJD/ELII8m8mAm9xZyZyW3NnJjJ9cOcuUkly5y4SbnHnLmJac+cuInxwFyFCSHCDkIkf0w2YuQ3SjZiZHtONlKkE2KbNBkPUm+pMgaS1bTZCVD6lmyDMjnHKnlyacrUi2Qj7fkQ5Eslch7lSxq5F2ZlCvkjUEWGqTUIq+7pNgjL4dkfkxevJK5BXn+Rp5tSLAjs0fy9J3kP8jMJ8l9kelv8uSH/AVQRxN1MFN7C7WzUlsbtbFTawe1clJLF7VwU3MPNfNSUx818VPjADUKUkOEGoSofpjqRahulOrEqHacaiWoJkU1aKqepF5SVI2lqmmqkqH0LFUG1HOO0vLU0xWlFqjHW+qhSJVK1L1KFTXqrkzJFerGoAoNSmpR111K7FGXQyo/pi5eqdyCOn+jzjYU2FHZI3X6TvEfVOaT4r6o9Dd18kP9AuijiT6Y6b2F3lnprY3e2Om1g1456aWLXrjpuYeeeempj5746XGAHgXpIUIPQnQ/TPcidDdKd2J0O063EnSTohs0XU/SLym6xtLVNF3J0HqWLgP6OUdrefrpilYL9OMt/VCkSyX6XqWLGn1XpuUKfWPQhQYttejrLi326MshnR/TF690bkGfv9FnGxrs6OyRPn2n+Q8680lzX3T6mz75oX8BzNHEHMzM3sLsrMzWxmzszNrBrJzM0sUs3Mzcw8y8zNTHTPzMOMCMgswQYQYhph9mehGmG2U6MaYdZ1oJpkkxDZqpJ5mXFFNjmWqaqWQYPcuUAfOcY7Q883TFqAXm8ZZ5KDKlEnOvMkWNuSszcoW5MZhCg5FazHWXEXvM5ZDJj5mLVya3YM7fmLMNA3ZM9sicvjP8B5P5ZLgvJv3NnPwwvwD2aGIPZnZvYXdWdmtjN3Z27WBXTnbpYhdudu5hZ1526mMnfnYcYEdBdoiwgxDbD7O9CNuNsp0Y246zrQTbpNgGzdaT7EuKrbFsNc1WMqyeZcuAfc6xWp59umLVAvt4yz4U2VKJvVfZosbelVm5wt4YbKHBSi32usuKPfZyyObH7MUrm1uw52/s2YYFOzZ7ZE/fWf6DzXyy3Beb/mZPfthfAHc0cQczt7dwOyu3tXEbO7d2cCsnt3RxCzc393AzLzf1cRM/Nw5woyA3RLhBiOuHuV6E60a5Toxrx7lWgmtSXIPm6knuJcXVWK6a5ioZTs9yZcA95zgtzz1dcWqBe7zlHopcqcTdq1xR4+7KnFzhbgyu0OCkFnfd5cQedznk8mPu4pXLLbjzN+5sw4Edlz1yp+8c/8FlPjnui0t/cyc/3C+AP5r4g5nfW/idld/a+I2dXzv4lZNfuviFm597+JmXn/r4iZ8fB/hRkB8i/CDE98N8L8J3o3wnxrfjfCvBNym+QfP1JP+S4mssX03zlQyvZ/ky4J9zvJbnn654tcA/3vIPRb5U4u9Vvqjxd2VervA3Bl9o8FKLv+7yYo+/HPL5MX/xyucW/Pkbf7bhwY7PHvnTd57/4DOfPPfFp7/5kx/+FwCOJnAwg70F7KxgawMbO1g7wMoJli6wcIO5B8y8YOoDEz8YB8AoCIYIGIRAPwx6EdCNgk4MtOOglQBNCjRoUE+ClxSosaCaBpUM0LOgDMBzDmh58HQF1AJ4vAUPRVAqgXsVFDVwVwZyBdwYoNAAUgtcd4HYA5dDkB+Di1eQW4DzN3C2AWAHskdw+g74D5D5BNwXSP9jyPO7v/whHE3CwSzsLcLOKmxtwsYurB3CyiksXcLCLcw9wswrTH3CxC+MA8IoKAwRYRAS+mGhFxG6UaETE9pxoZUQmpTQoIV6UnhJCTVWqKaFSkbQs0IZCM85QcsLT1eCWhAeb4WHolAqCfeqUNSEu7IgV4QbQyg0BKklXHcFsSdcDoX8WLh4FXIL4fxNONsIYCdkj8Lpu8D/c/e/7C9/iEeTeDCLe4u4s4pbm7ixi2uHuHKKS5e4cItzjzjzilOfOPGL44A4CopDRByExH5Y7EXEblTsxMR2XGwlxCYlNmixnhRfUmKNFatpsZIR9axYBuJzTtTy4tOVqBbEx1vxoSiWSuK9KhY18a4syhXxxhALDVFqidddUeyJl0MxPxYvXsXcQjx/E882IvhX3X8FkI4m6WCW9hZpZ5W2Nmljl9YOaeWUli5p4ZbmHmnmlaY+aeKXxgFpFJSGiDQISf2w1ItI3ajUiUntuNRKSE1K+n3l9aT0kpJqrFRNS5WMpGelMpCec5KWl56uJLUgPd5KD0WpVJLuVamoSXdlSa5IN4ZUaEhSS7ruSmJPuhxK+bF08Srl/q3uvwLIR5N8MMt7i7yzylubvLHLa4e8cspLl7xwy3OPPPPKU5888cvjgDwKykNEHoTkfljuReRuVO7E5HZcbiXkJiU3aLmelF9Sco2Vq2m5kpH1rPx75M85WcvLT1eyWpAfb+WHolwqyfeqXNTku7IsV+QbQy40ZKklX3dl8d+N/luAcjQpB7Oytyg7q7K1KRu7snYoK6eydCkLtzL3KDOvMvUpE78yDiijoDJElEFI6YeVXkTpRpVOTGnHlVZCaVJKg1bqSeUlpdRYpZpWKhlFzyploDznFC2vPF0pakF5vFUeikqppNyrSlFT7sqKXFFuDKXwH+r+K4B6NKkHs7q3qDururWpG7u6dqgrp7p0qQu3OveoM6869akTvzoOqKOgOkTUQUjth9VeRO1G1U5MbcfVVkJtUmqDVutJ9SWl1li1mlYrGVXPqmWgPudULa8+XalqQX28VR+Kaqmk3qtq8T8X/bcA7WjSDmZtb9F2Vm1r0zZ2be3QVk5t6dIWbm3u0WZeberTJn5tHNBGQW2IaIOQ1g9rvYjWjWqdmNaOa62E1qS0Bq3Vk9pLSquxWjWtVTKantXKQHvOaVpee7rS1P968d8B9KNJP5j1vUXfWfWtTd/Y9bVDXzn1pUtfuPW5R5959alPn/j1cUAfBfUhog9Cej+s9yJ6N6p3Yno7rrcSepPSG7ReT+ovKb3G6tW0Xsno+n978d8BjKPJOJiNvcXYWY2tzdjYjbXDWDmNpctYuI25x5h5janPmPiNccAYBY0hYgxCRj9s9CJGN2p0YkY7brQSRpMyGrRR/58u/jtA82hqHszNvaW5sza3tubG3lw7mitnc+lqLtzNuac58zanvubE3xwHmqNgc4g0B6Fm/3859N8E/B/p+BPwJ+BPwJ+A/6f7J2zVYSSfzPn9AAAAAElFTkSuQmCC';

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
  part('user', 'image', `${Math.floor((PIXELS.length * 3) / 4)} bytes`, 'image/png'),
  part(
    'assistant',
    'reasoning',
    'The user sees memory grow with the size of the file. Most likely the file is read whole. I should look at the importer first.',
  ),
  part('assistant', 'text', 'I will read the importer first.'),
  part('assistant', 'tool_call', JSON.stringify({ path: 'src/import.ts', from: 1, to: 60 }), 'read_file'),
  part('tool', 'tool_result', SOURCE, 'read_file'),
  part(
    'assistant',
    'tool_call',
    JSON.stringify({
      file_path: 'src/import.ts',
      old_string: 'const text = await readFile(path);\nif (text.length > LIMIT) throw new TooLarge(path);\nreturn parse(text);',
      new_string: 'const { size } = await stat(path);\nif (size > LIMIT) throw new TooLarge(path);\nreturn parse(await readFile(path));',
    }),
    'Edit',
  ),
];

function replyParts(answer: string): AssembledPart[] {
  return [
    part('assistant', 'reasoning', 'The size is checked on line 41, after the read on line 12. Moving it is enough.'),
    part('assistant', 'text', answer),
  ];
}
