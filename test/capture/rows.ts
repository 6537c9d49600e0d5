import type { Call } from '../../bridges/contract/index.ts';

/** A finished call, as far as a test does not say otherwise. */
export const callRow = (id: number, change: Partial<Call> = {}): Call => ({
  id,
  startedAt: '2026-01-02T03:04:05.678Z',
  state: 'done',
  client: 'curl',
  clientVersion: null,
  caller: 'tests',
  method: 'POST',
  path: '/v1/messages',
  route: 'gateway',
  upstream: 'gateway',
  wireIn: 'messages',
  wireOut: 'messages',
  modelRequested: 'm',
  modelUsed: null,
  status: 200,
  streamed: false,
  cut: false,
  ttfbMs: 1.5,
  durationMs: 2.5,
  requestBytes: 1,
  replyBytes: 2,
  usage: null,
  lost: [],
  error: null,
  ...change,
});

/** The requests of an agent's conversation: each repeats the one before and adds to it. */
export function conversationOf(turns: number): Buffer[] {
  const messages: object[] = [];
  return Array.from({ length: turns }, (_, turn) => {
    messages.push(
      { role: 'user', content: `question ${turn} ${'lorem ipsum '.repeat(40)}` },
      { role: 'assistant', content: [{ type: 'text', text: `answer "${turn}" \\ ${'dolor '.repeat(60)}` }] },
    );
    return Buffer.from(
      JSON.stringify({
        model: 'm',
        system: [{ type: 'text', text: 'be brief. '.repeat(200) }],
        messages,
        stream: true,
        metadata: { turn },
      }),
    );
  });
}
