import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { root } from './engine.ts';

/**
 * Made-up agent conversations. Each request repeats the system prompt, the tools and the whole history, as real agents
 * do; tool results are cut out of real source files, so that they compress as such text does.
 */

/** One turn: the request as it goes over the wire, and the reply as events. */
export type Turn = { request: Buffer; reply: Buffer };

type Random = () => number;
type Json = Readonly<Record<string, unknown>>;

const WORDS =
  'the to of and a in is it you that he was for on are with as his they be at one have this from or had by hot but some what there we can out other were all your when up use word how said an each she which do their time if will way about many then them would write like so these her long make thing see him two has look more day could go come did my sound no most number who over know water than call first people may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name'.split(
    ' ',
  );
const DELTA_CHARS = 5;

/** Where a client puts its system prompt and its tools: Claude Code sends them behind the messages, others before. */
export type Layout = 'before' | 'behind';

/** Yields the turns of one conversation; the same for the same seed. Requests are put together from bytes: only what is new is written as JSON. */
export function* conversation(seed: number, turns: number, layout: Layout = 'before'): Generator<Turn> {
  const random = randomOf(seed * 7919 + 1);
  const history = new History(
    FRAMES[layout],
    user([block(`Working directory: /home/u/project${seed}\n${prose(random, 600)}`), block(prose(random, 500))]),
  );
  for (let turn = 0; turn < turns; turn += 1) {
    const id = `toolu_${identifier(random)}`;
    const say = prose(random, 40 + random() * 260);
    const input =
      random() < 0.3
        ? {
            file_path: `/home/u/src/${identifier(random)}.ts`,
            old_string: code(random, 100 + random() * 500),
            new_string: code(random, 100 + random() * 700),
          }
        : { command: `grep -rn "${prose(random, 14)}" src` };
    const tool = `tool_${Math.floor(random() * TOOLS.length)}`;
    const answer = { role: 'assistant', content: [block(say), { type: 'tool_use', id, name: tool, input }] };
    yield {
      request: history.request(),
      reply: Buffer.from(events(`msg_${identifier(random)}`, say, { id, name: tool, input }, turn), 'utf8'),
    };
    const kind = random();
    const size = kind < 0.35 ? 60 + random() * 200 : kind < 0.8 ? 500 + random() * 3_500 : 4_000 + random() * 9_000;
    history.push(answer, user([{ type: 'tool_result', tool_use_id: id, content: code(random, size) }]));
  }
}

const FIRST_ROOM = 256 * 1024;

/** The messages so far, as they stand in a request. */
class History {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM);
  #used = 0;
  #last: string;
  readonly #end: string;

  constructor({ start, end }: Frame, first: Json) {
    this.#add(Buffer.from(start));
    this.#end = end;
    this.#last = JSON.stringify(first);
  }

  push(answer: Json, last: Json): void {
    this.#add(Buffer.from(`${this.#last},${JSON.stringify(answer)},`));
    this.#last = JSON.stringify(last);
  }

  /** The cache mark stands on the last block of the last message, and moves on each turn. */
  request(): Buffer {
    const marked = Buffer.from(`${this.#last.slice(0, -'}]}'.length)},"cache_control":{"type":"ephemeral"}}]}${this.#end}`);
    const body = Buffer.allocUnsafe(this.#used + marked.length);
    this.#bytes.copy(body, 0, 0, this.#used);
    marked.copy(body, this.#used);
    return body;
  }

  #add(bytes: Buffer): void {
    if (this.#used + bytes.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#used + bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#used);
    this.#used += bytes.length;
  }
}

/** The reply as Anthropic's event stream. */
function events(id: string, say: string, tool: { id: string; name: string; input: Json }, turn: number): string {
  const event = (type: string, rest: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
  const usage = { input_tokens: 4, cache_read_input_tokens: 1_000 * turn, cache_creation_input_tokens: 900, output_tokens: 150 };
  const message = {
    id,
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  const parts = [
    { start: block(''), text: say, delta: '{"type":"text_delta","text"' },
    {
      start: { type: 'tool_use', id: tool.id, name: tool.name, input: {} },
      text: JSON.stringify(tool.input),
      delta: '{"type":"input_json_delta","partial_json"',
    },
  ];
  let out = event('message_start', { message });
  for (const [index, part] of parts.entries()) {
    out += event('content_block_start', { index, content_block: part.start });
    const before = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":${part.delta}:`;
    for (let at = 0; at < part.text.length; at += DELTA_CHARS) {
      out += `${before}${JSON.stringify(part.text.slice(at, at + DELTA_CHARS))}}}\n\n`;
    }
    out += event('content_block_stop', { index });
  }
  return out + event('message_delta', { delta: { stop_reason: 'tool_use', stop_sequence: null }, usage }) + event('message_stop', {});
}

function user(content: Json[]): Json {
  return { role: 'user', content };
}

function block(text: string): Json {
  return { type: 'text', text };
}

function prose(random: Random, length: number): string {
  let text = '';
  while (text.length < length) text += `${WORDS[Math.floor(random() * WORDS.length)] ?? ''}${random() < 0.08 ? '. ' : ' '}`;
  return text.slice(0, Math.floor(length));
}

function identifier(random: Random): string {
  return Array.from({ length: 24 }, () => Math.floor(random() * 36).toString(36)).join('');
}

function randomOf(seed: number): Random {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 32;
  };
}

const SYSTEM = [{ ...block(prose(randomOf(9), 14_000)), cache_control: { type: 'ephemeral' } }];
const TOOLS = (() => {
  const random = randomOf(7);
  return Array.from({ length: 16 }, (_, i) => ({
    name: `tool_${i}`,
    description: prose(random, 1_800),
    input_schema: {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: 5 }, (__, j) => [`arg_${j}`, { type: 'string', description: prose(random, 90) }]),
      ),
      required: ['arg_0'],
    },
  }));
})();

/** What a request is besides its messages. */
type Frame = { start: string; end: string };

const FRAMES: Readonly<Record<Layout, Frame>> = {
  before: {
    start: `${JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 32_000, stream: true, system: SYSTEM, tools: TOOLS }).slice(0, -1)},"messages":[`,
    end: ']}',
  },
  behind: {
    start: '{"model":"claude-sonnet-4-5","messages":[',
    end: `],${JSON.stringify({ system: SYSTEM, tools: TOOLS, max_tokens: 32_000, stream: true }).slice(1)}`,
  },
};

const SOURCE_CHARS = 8e6;
let source = '';

function code(random: Random, length: number): string {
  if (source === '') source = readSources(path.join(root, 'node_modules'));
  const at = Math.floor(random() * (source.length - length));
  return source.slice(at, at + Math.floor(length));
}

function readSources(folder: string): string {
  let text = '';
  const walk = (inside: string): void => {
    for (const entry of readdirSync(inside, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (text.length >= SOURCE_CHARS) return;
      const file = path.join(inside, entry.name);
      if (entry.isDirectory()) walk(file);
      else if (/\.(?:js|mjs|ts|md|json)$/.test(entry.name) && statSync(file).size < 200_000) text += readFileSync(file, 'utf8');
    }
  };
  walk(folder);
  // Put together once: a slice of a text made of many would go through all of them.
  return Buffer.from(text).toString();
}
