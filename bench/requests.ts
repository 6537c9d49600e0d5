import type { Target } from './targets.ts';

/** What is asked for: the mock's model name, whether as events, and how much text the request holds. */
export type Ask = {
  model: string;
  stream: boolean;
  /** Bytes of text; from LARGE on it is cut into many messages, as an agent's history is. */
  promptBytes: number;
};

const LARGE = 100_000;
const MESSAGE_BYTES = 4_000;

/** A whole request for a target, as bytes for the wire. */
export function requestFor(target: Pick<Target, 'port' | 'path' | 'wire' | 'headers'>, ask: Ask): Buffer {
  const body = Buffer.from(JSON.stringify(bodyFor(target.wire, ask)));
  const headers = Object.entries({ host: `127.0.0.1:${target.port}`, ...bodyHeaders(body), ...target.headers });
  const head = [`POST ${target.path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}

/** The JSON body of a request in a wire format. */
export function bodyFor(wire: Target['wire'], ask: Ask): object {
  const system = 'You are terse.';
  const turns = turnsOf(ask.promptBytes);
  return {
    model: ask.model,
    max_tokens: 4096,
    stream: ask.stream,
    ...(wire === 'messages' ? { system, messages: turns } : { messages: [{ role: 'system', content: system }, ...turns] }),
  };
}

function bodyHeaders(body: Buffer): Record<string, string> {
  return { 'content-type': 'application/json', accept: '*/*', 'user-agent': 'bench/1', 'content-length': String(body.length) };
}

function turnsOf(bytes: number): { role: string; content: string }[] {
  if (bytes < LARGE) return [{ role: 'user', content: text(bytes) }];
  // An odd number, so that the user has the last word.
  const count = Math.round(bytes / (MESSAGE_BYTES + 40)) | 1;
  const content = text(MESSAGE_BYTES);
  return Array.from({ length: count }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
}

const WORDS =
  'function return const error stream the proxy request value index buffer of a to message token model because user file path write read test line import export await async class type string number object'.split(
    ' ',
  );

/** Text that looks like work, always the same for the same length. */
export function text(length: number): string {
  const parts: string[] = [];
  let written = 0;
  let state = 12_345;
  while (written < length) {
    state = (state * 1_103_515_245 + 12_345) % 0x8000_0000;
    const word = `${WORDS[state % WORDS.length] ?? ''}${(state >> 8) % 13 === 0 ? '.\n' : ' '}`;
    parts.push(word);
    written += word.length;
  }
  return parts.join('').slice(0, length);
}
