import net from 'node:net';

/**
 * The stand-in for a provider: a bare socket server with the smallest HTTP/1.1 reader that serves, so that it costs
 * little beside what is measured. It speaks the three wire formats, as JSON and as events. What it answers is told by
 * the model's name, which every proxy passes on:
 *
 *   m-c<events>-d<ms between events>-s<characters an event>-b<bytes of a JSON answer>-q<1: no clock stamps>-k<any number>
 *
 * Each streamed piece of text carries "@<monotonic clock, ns>@" unless told otherwise: its age can be read on arrival.
 * Run as a program it prints {"port":N} once it listens.
 */

type Ask = { model: string; events: number; delayMs: number; eventChars: number; answerChars: number; stamped: boolean; stream: boolean };

type Format = {
  json: (ask: Ask) => string;
  open: (ask: Ask) => string;
  delta: (ask: Ask, index: number, text: string) => string;
  close: (ask: Ask, whole: string) => string;
};

const KEPT = 4096;
const BURST = 32;

const sse = (type: string, rest: string): string => `event: ${type}\ndata: {"type":"${type}",${rest}}\n\n`;

const chatFrame = (ask: Ask, delta: string, finish: string, rest = ''): string =>
  `data: {"id":"chatcmpl-x","object":"chat.completion.chunk","created":1,"model":"${ask.model}","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]${rest}}\n\n`;

const chat: Format = {
  json: (ask) =>
    `{"id":"chatcmpl-x","object":"chat.completion","created":1,"model":"${ask.model}","choices":[{"index":0,"message":{"role":"assistant","content":"${filler(ask.answerChars)}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}`,
  open: (ask) => chatFrame(ask, '{"role":"assistant","content":""}', 'null'),
  delta: (ask, _index, text) => chatFrame(ask, `{"content":"${text}"}`, 'null'),
  close: (ask) =>
    `${chatFrame(ask, '{}', '"stop"', `,"usage":{"prompt_tokens":10,"completion_tokens":${ask.events},"total_tokens":${10 + ask.events}}`)}data: [DONE]\n\n`,
};

const messages: Format = {
  json: (ask) =>
    `{"id":"msg_x","type":"message","role":"assistant","model":"${ask.model}","content":[{"type":"text","text":"${filler(ask.answerChars)}"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":20}}`,
  open: (ask) =>
    sse(
      'message_start',
      `"message":{"id":"msg_x","type":"message","role":"assistant","model":"${ask.model}","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}`,
    ) + sse('content_block_start', '"index":0,"content_block":{"type":"text","text":""}'),
  delta: (_ask, _index, text) => sse('content_block_delta', `"index":0,"delta":{"type":"text_delta","text":"${text}"}`),
  close: (ask) =>
    sse('content_block_stop', '"index":0') +
    sse('message_delta', `"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":${ask.events}}`) +
    `event: message_stop\ndata: {"type":"message_stop"}\n\n`,
};

const responsesPart = (text: string): string => `{"type":"output_text","text":"${text}","annotations":[]}`;
const responsesItem = (status: string, parts: string): string =>
  `{"id":"msg_x","type":"message","role":"assistant","status":"${status}","content":[${parts}]}`;
const responsesBody = (ask: Ask, status: string, output: string, usage: string): string =>
  `{"id":"resp_x","object":"response","created_at":1,"status":"${status}","model":"${ask.model}","output":[${output}],"usage":${usage}}`;
const responsesUsage = (output: number): string => `{"input_tokens":10,"output_tokens":${output},"total_tokens":${10 + output}}`;
const IN_PART = '"item_id":"msg_x","output_index":0,"content_index":0';

const responses: Format = {
  json: (ask) => responsesBody(ask, 'completed', responsesItem('completed', responsesPart(filler(ask.answerChars))), responsesUsage(20)),
  open: (ask) =>
    sse('response.created', `"sequence_number":0,"response":${responsesBody(ask, 'in_progress', '', 'null')}`) +
    sse('response.output_item.added', `"sequence_number":1,"output_index":0,"item":${responsesItem('in_progress', '')}`) +
    sse('response.content_part.added', `"sequence_number":2,${IN_PART},"part":${responsesPart('')}`),
  delta: (_ask, index, text) => sse('response.output_text.delta', `"sequence_number":${index + 3},${IN_PART},"delta":"${text}"`),
  close(ask, whole) {
    const item = responsesItem('completed', responsesPart(whole));
    const body = responsesBody(ask, 'completed', item, responsesUsage(ask.events));
    return (
      sse('response.output_text.done', `"sequence_number":${ask.events + 3},${IN_PART},"text":"${whole}"`) +
      sse('response.content_part.done', `"sequence_number":${ask.events + 4},${IN_PART},"part":${responsesPart(whole)}`) +
      sse('response.output_item.done', `"sequence_number":${ask.events + 5},"output_index":0,"item":${item}`) +
      sse('response.completed', `"sequence_number":${ask.events + 6},"response":${body}`)
    );
  },
};

const fillers = new Map<number, string>();
function filler(length: number): string {
  const kept = fillers.get(length);
  if (kept !== undefined) return kept;
  const made = 'lorem ipsum dolor sit amet '.repeat(Math.ceil(length / 27)).slice(0, length);
  fillers.set(length, made);
  return made;
}

function readAsk(head: string, tail: string): Ask {
  const name = /m(?:-[cdsbqk]\d+)+/;
  const model = (name.exec(head) ?? name.exec(tail))?.[0] ?? 'm';
  const value = (letter: string, otherwise: number): number => Number(new RegExp(`-${letter}(\\d+)`).exec(model)?.[1] ?? otherwise);
  const stream = /"stream"\s*:\s*true/;
  return {
    model,
    events: value('c', 20),
    delayMs: value('d', 0),
    eventChars: value('s', 20),
    answerChars: value('b', 1200),
    stamped: value('q', 0) === 0,
    stream: stream.test(head) || stream.test(tail),
  };
}

const answers = new Map<string, Buffer>();
function jsonAnswer(path: string, ask: Ask): Buffer {
  const key = path + ask.model;
  const kept = answers.get(key);
  if (kept !== undefined) return kept;
  const body = formatOf(path).json(ask);
  const made = Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: keep-alive\r\n\r\n${body}`,
  );
  if (answers.size < 100) answers.set(key, made);
  return made;
}

function formatOf(path: string): Format {
  if (path.includes('/messages')) return messages;
  return path.includes('/responses') ? responses : chat;
}

const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n';
const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** Writes one reply; calls back when the connection is free for the next request. */
function reply(socket: net.Socket, path: string, ask: Ask, done: () => void): void {
  if (!ask.stream) {
    socket.write(jsonAnswer(path, ask));
    return done();
  }
  const format = formatOf(path);
  const keepsWhole = format === responses;
  let sent = 0;
  let whole = '';
  const next = (): string => {
    const text = (ask.stamped ? `@${process.hrtime.bigint()}@` : '') + filler(ask.eventChars);
    if (keepsWhole) whole += text;
    return chunked(format.delta(ask, sent++, text));
  };
  const close = (): void => {
    socket.write(`${chunked(format.close(ask, whole))}0\r\n\r\n`);
    done();
  };
  socket.write(STREAM_HEAD + chunked(format.open(ask)));
  if (ask.delayMs === 0) {
    const pump = (): void => {
      while (sent < ask.events && !socket.destroyed) {
        let burst = '';
        for (let i = 0; i < BURST && sent < ask.events; i += 1) burst += next();
        if (!socket.write(burst)) return void socket.once('drain', pump);
      }
      if (!socket.destroyed) close();
    };
    return pump();
  }
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    socket.write(next());
    if (sent < ask.events) return;
    clearInterval(timer);
    close();
  }, ask.delayMs);
}

/** Reads requests one after the other. Of a body only its first and last bytes are kept: enough to find the model. */
function serve(socket: net.Socket): void {
  let held: Buffer = Buffer.alloc(0);
  let path = '';
  /** Bytes of the body still to come; below zero while a head is awaited. */
  let left = -1;
  let head = '';
  let tail = '';
  let busy = false;

  const onBody = (piece: Buffer): void => {
    if (head.length < KEPT) head += piece.toString('latin1', 0, KEPT - head.length);
    if (piece.length >= KEPT) tail = piece.toString('latin1', piece.length - KEPT);
    else tail = (tail + piece.toString('latin1')).slice(-KEPT);
  };
  const onData = (chunk: Buffer): void => {
    let data = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    held = Buffer.alloc(0);
    while (data.length > 0) {
      if (busy) return void (held = data);
      if (left < 0) {
        const end = data.indexOf('\r\n\r\n');
        if (end < 0) return void (held = data);
        const text = data.toString('latin1', 0, end);
        path = text.split(' ', 2)[1] ?? '/';
        if (/\r\ntransfer-encoding:/i.test(text)) return void socket.end('HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n');
        left = Number(/\r\ncontent-length:\s*(\d+)/i.exec(text)?.[1] ?? 0);
        head = tail = '';
        data = data.subarray(end + 4);
      }
      const piece = data.subarray(0, left);
      onBody(piece);
      left -= piece.length;
      data = data.subarray(piece.length);
      if (left > 0) return;
      left = -1;
      busy = true;
      reply(socket, path, readAsk(head, tail), () => {
        busy = false;
        // A request that came meanwhile is read once this reply's own turn is over.
        if (held.length > 0) setImmediate(() => onData(Buffer.alloc(0)));
      });
    }
  };
  socket.on('data', onData);
  socket.on('error', () => socket.destroy());
}

const server = net.createServer({ noDelay: true }, serve);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }));
});
