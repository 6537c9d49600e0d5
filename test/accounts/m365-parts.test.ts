import { describe, expect, it } from 'vitest';
import { Answer } from '../../bridges/m365/answer.ts';
import { questionUpstream, type Question } from '../../bridges/m365/exchange.ts';
import { fold, retold } from '../../bridges/m365/ask.ts';
import { missingScopes, BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { causeOf } from '../../bridges/m365/doctor.ts';
import { faultOf } from '../../bridges/m365/faults.ts';
import { LooseSse } from '../../bridges/m365/frames.ts';
import { claimsIn } from '../../bridges/m365/session.ts';
import { createThreads } from '../../bridges/m365/threads.ts';
import type { ReplySink, Upstream } from '../../bridges/upstreams/upstream.ts';
import { codecs } from '../../bridges/wire/codecs.ts';
import type { JsonObject, TurnEvent } from '../../bridges/wire/turn.ts';

const frame = (text: string | null, more: JsonObject = {}): JsonObject => ({
  id: 'c',
  displayName: 'Intermediate Conversation Update',
  state: 'active',
  messages: text === null ? [] : [{ text, attributions: [] }],
  ...more,
});
const last = (text: string, more: JsonObject = {}): JsonObject =>
  frame(null, { displayName: 'When?', messages: [{ text: 'When?' }, { text, attributions: [], ...more }] });
const run = (...frames: JsonObject[]): TurnEvent[] => {
  const answer = new Answer('When?', 'refusal');
  return [...frames.flatMap((one) => answer.push(one)), ...answer.end()];
};
const deltas = (events: readonly TurnEvent[]): string[] => events.flatMap((event) => (event.type === 'delta' ? [event.text] : []));

describe('snapshots', () => {
  it('become what is new in each', () => {
    const events = run(frame('The demo'), frame('The demo'), frame('The demo is'), frame(null), last('The demo is on Friday.'));
    expect(deltas(events)).toEqual(['The demo', ' is', ' on Friday.']);
    expect(events.at(-1)).toMatchObject({ type: 'end', stop: 'end_turn', usage: { input: 0, output: 0 } });
  });
  it('that rewrite what was told are held back until one goes on from there', () => {
    const events = run(frame('The demo'), frame('A demo'), frame('A demo is'), frame('The demo is'), last('The demo is on.'));
    expect(deltas(events)).toEqual(['The demo', ' is', ' on.']);
  });
  it('that end otherwise than was told are told anew, and the item holds all of it', () => {
    const events = run(frame('The demo'), last('A demo.'));
    const end = events.find((event) => event.type === 'item_end');
    expect(deltas(events).join('')).toBe(end?.text);
    expect(end?.text).toMatch(/^The demo\n\n\(.*\)\n\nA demo\.$/);
  });
  it('that only repeat the prompt are no answer', () => expect(deltas(run(frame('When?'), last('On Friday.')))).toEqual(['On Friday.']));
  it('without a last one are a cut', () => expect(run(frame('The demo')).at(-1)).toMatchObject({ type: 'cut' }));
  it('with an error in them are an error', () => {
    expect(run({ error: { code: 'X', message: 'No.' } })).toMatchObject([{ type: 'error', error: { message: 'No.' } }]);
  });
  it('of a conversation that was ended refuse, after what was told', () => {
    const events = run(frame('The demo'), frame('Sorry.', { state: 'disengagedForRai' }));
    expect(events.map((event) => ('kind' in event ? `${event.type} ${event.kind}` : event.type))).toEqual([
      'start',
      'item_start text',
      'delta',
      'item_end',
      'item_start refusal',
      'delta',
      'item_end',
      'end',
    ]);
  });
  it('cite what they name: by marks where there are any, by the list where there are none', () => {
    const attributions = [
      { providerDisplayName: 'A', seeMoreWebUrl: 'https://a.example' },
      { providerDisplayName: 'B\n', seeMoreWebUrl: 'https://b.example' },
      { seeMoreWebUrl: '' },
    ];
    const end = run(last('On Friday.[^1^]', { attributions })).find((event) => event.type === 'item_end');
    expect(end?.text).toBe('On Friday.[^1^]\n\n[^1^] A <https://a.example>\n[^2^] B <https://b.example>');
    for (const annotation of end?.annotations ?? []) {
      const { start_index: from, end_index: to, title } = annotation as { start_index: number; end_index: number; title: string };
      expect(end?.text.slice(from, to)).toBe(title === 'A' ? '[^1^]' : '[^2^]');
    }
  });
});

describe('the stream', () => {
  const pretty = `data: ${JSON.stringify(frame('Grüße\nund mehr'), null, 2)}\nid:1\n\n: comment\n\ndata: ${JSON.stringify(frame('x'))}\r\nid:2\r\n\r\n`;
  it.each([1, 2, 7, 10_000])('is read the same in pieces of %i bytes', (size) => {
    const bytes = Buffer.from(pretty);
    const reader = new LooseSse();
    const frames = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
    frames.push(...reader.end());
    expect(frames.map(({ data }) => JSON.parse(data).messages[0].text)).toEqual(['Grüße\nund mehr', 'x']);
  });
});

/** A question of a client that wants a stream, in a conversation that is known. */
function streamed(service: Upstream, onError: Question['onError']): Question {
  const turn = codecs.chat.parseRequest({ model: 'm', messages: [{ role: 'user', content: 'When?' }], stream: true });
  return {
    service,
    conversations: '/c',
    wire: 'chat',
    stream: true,
    prompt: 'When?',
    stop: [],
    context: { model: 'm', now: 0, newId: (prefix) => prefix, seal: () => '', includeUsage: false, wantsReasoning: false, request: turn },
    conversation: 'known',
    fresh: Buffer.from('{}'),
    onAnswered: () => {},
    onUnused: () => {},
    onError,
  };
}

describe('a question', () => {
  it.each([
    ['a whole answer', last('On Friday.'), ['On Friday.', 'end']],
    ['an error', { error: { code: 'X', message: 'No.' } }, ['error: No.', 'refused']],
  ])('that is answered by %s in one piece, where a stream was asked for, tells the client', (_what, reply, wanted) => {
    const heard: string[] = [];
    const service: Upstream = {
      id: 'service',
      send(_request, sink) {
        sink.start(200, { 'content-type': 'application/json' });
        sink.data(Buffer.from(JSON.stringify(reply)));
        sink.end();
        return { resume: () => {}, abort: () => {} };
      },
      stop: async () => {},
    };
    const question = streamed(service, (error) => void heard.push(`error: ${error.message}`));
    questionUpstream(question).send(
      { method: 'POST', target: '', headers: [], body: null },
      {
        start: () => {},
        data: (chunk) => {
          const text = /"content":"([^"]+)"/.exec(chunk.toString())?.[1];
          if (text !== undefined) heard.push(text);
          return true;
        },
        end: () => void heard.push('end'),
        fail: ({ kind }) => void heard.push(kind),
      },
    );
    expect(heard).toEqual(wanted);
  });
  it('holds Copilot back while the client does not read, lets it go on, and ends it when the client leaves', () => {
    const heard: string[] = [];
    const sinks: ReplySink[] = [];
    const service: Upstream = {
      id: 'service',
      send(request, sink) {
        heard.push(request.target);
        sinks.push(sink);
        return { resume: () => void heard.push('resume'), abort: () => void heard.push('abort') };
      },
      stop: async () => {},
    };
    const upstream = questionUpstream(streamed(service, () => {}));
    const client: ReplySink = { start: () => {}, data: () => false, end: () => {}, fail: () => {} };
    const flow = upstream.send({ method: 'POST', target: '', headers: [], body: Buffer.from('{}') }, client);
    const [sink] = sinks;
    sink?.start(200, { 'content-type': 'text/event-stream' });
    expect(sink?.data(Buffer.from(`data: ${JSON.stringify(frame('The demo'))}\n\n`))).toBe(false);
    flow.resume();
    flow.abort();
    expect(heard).toEqual(['/c/known/chatOverStream', 'resume', 'abort']);
  });
});

describe('folding', () => {
  const chat = (messages: JsonObject[], more: JsonObject = {}) => codecs.chat.parseRequest({ model: 'm', messages, ...more });
  it('joins what one speaker says in a row, and tells which settings mean nothing', () => {
    const turn = chat(
      [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'A' },
        { role: 'assistant', content: 'B' },
        { role: 'user', content: 'C' },
        { role: 'user', content: 'D' },
      ],
      { temperature: 1, max_tokens: 5 },
    );
    expect(fold(turn, new Set())).toEqual({
      prompt: 'C\n\nD',
      context: [{ text: 'S', description: 'Instructions' }],
      before: [
        { role: 'user', text: 'A' },
        { role: 'assistant', text: 'B' },
      ],
      lost: [
        { path: 'max_completion_tokens', why: expect.any(String) },
        { path: 'temperature', why: expect.any(String) },
      ],
    });
  });
  it('leaves the beginning of a transcript out that is too long, and says so', () => {
    const long = { prompt: 'x', context: [], before: [{ role: 'user' as const, text: 'y'.repeat(100_000) }], lost: [] };
    const told = retold(long);
    expect(told.context[0]?.text.length).toBe(60_000);
    expect(told.lost).toHaveLength(1);
  });
});

describe('threads', () => {
  const said = [{ role: 'user' as const, text: 'Hello  there' }];
  it('are found by what was said, however it is spaced, once, and for one account alone', () => {
    const threads = createThreads();
    threads.keep('a', said, 'c1');
    expect(threads.take('b', said)).toBeUndefined();
    expect(threads.take('a', [{ role: 'user', text: 'Hello there\n' }])).toBe('c1');
    expect(threads.take('a', said)).toBeUndefined();
  });
  it('are remembered up to a number', () => {
    const threads = createThreads(2);
    for (const name of ['1', '2', '3']) threads.keep(name, said, name);
    expect(['1', '2', '3'].map((name) => threads.take(name, said))).toEqual([undefined, '2', '3']);
  });
});

describe('what Entra says', () => {
  const app = { clientId: 'id', tenant: 'contoso.example', login: 'https://login.microsoftonline.com' };
  const fault = (error: string, description = '') => faultOf({ error, description, claims: null }, app, ['a', 'b']);
  it.each([
    ['AADSTS700016: x', 'app'],
    ['AADSTS50011: x', 'app'],
    ['AADSTS7000218: x', 'app'],
    ['AADSTS650052: x', 'app'],
    ['AADSTS90002: x', 'tenant'],
    ['AADSTS50020: x', 'tenant'],
    ['AADSTS500200: x', 'account'],
    ['AADSTS65001: x', 'consent'],
    ['AADSTS90094: x', 'consent'],
    ['AADSTS65004: x', 'declined'],
    ['AADSTS53003: x', 'policy'],
    ['AADSTS50076: x', 'policy'],
    ['AADSTS50173: x', 'sign_in'],
    ['AADSTS700082: x', 'sign_in'],
  ])('%s is about: %s', (description, kind) => expect(fault('invalid_grant', description).kind).toBe(kind));
  it('that is not known leads to where Microsoft explains it', () => {
    expect(fault('invalid_request', 'AADSTS123456: x')).toMatchObject({
      kind: 'sign_in',
      code: 'AADSTS123456',
      href: 'https://login.microsoftonline.com/error?code=123456',
    });
  });
  it('about consent leads to the page where an administrator grants it', () => {
    expect(fault('invalid_grant', 'AADSTS65001: x').href).toBe(
      'https://login.microsoftonline.com/contoso.example/v2.0/adminconsent?client_id=id&scope=a+b&redirect_uri=http%3A%2F%2Flocalhost',
    );
  });
  it('in words of its own can hold nothing that is not a word', () => {
    expect(fault('<b>evil</b>\u001b[31m').reason).toBe('Microsoft ended the sign-in. (bevilb31m)');
  });
});

describe('what a service says', () => {
  it.each([
    [{ status: 403, code: 'Forbidden', message: 'Required scopes are missing in the token.' }, 'consent'],
    [{ status: 403, code: 'Forbidden', message: 'No license.' }, 'licence'],
    [{ status: 403, code: '', message: '' }, 'licence'],
    [{ status: 402, code: '', message: 'Out of credits.' }, 'licence'],
    [{ status: 500, code: '', message: 'license' }, 'other'],
  ] as const)('%j is about: %s', (answer, cause) => expect(causeOf(answer)).toBe(cause));
  it('in a challenge is read where it is one, and nowhere else', () => {
    const claims = '{"access_token":{}}';
    const encoded = Buffer.from(claims).toString('base64');
    expect(claimsIn(`Bearer realm="", error="insufficient_claims", claims="${encoded}"`)).toBe(claims);
    expect(claimsIn(`Bearer error="invalid_token", claims="${encoded}"`)).toBeUndefined();
    expect(claimsIn('Bearer error="insufficient_claims", claims="bm90IGpzb24="')).toBeUndefined();
    expect(claimsIn(undefined)).toBeUndefined();
  });
  it('of permissions counts them by their names', () => {
    const granted = BACK_ENDS.graph.scopes.map((scope) => scope.slice(scope.lastIndexOf('/') + 1));
    expect(missingScopes(BACK_ENDS.graph, granted.slice(1))).toEqual(['Sites.Read.All']);
    expect(missingScopes(BACK_ENDS['work-iq'], ['api://workiq.svc.cloud.microsoft/WorkIQAgent.Ask'])).toEqual([]);
  });
});
