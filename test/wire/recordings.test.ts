import { describe, expect, it } from 'vitest';
import { codecs } from '../../bridges/wire/codecs.ts';
import { checkStream } from '../../bridges/wire/grammar.ts';
import { parseJson } from '../../bridges/wire/json.ts';
import type { TurnEvent, TurnRequest, WireFormat } from '../../bridges/wire/turn.ts';
import { gistOfTurn, unlistedLosses } from './gist.ts';
import { cross, FORMATS, hubProblems, parseStream, renderStream } from './hub.ts';
import { recorded } from './recorded.ts';

const requests = recorded('request');
const streams = recorded('stream');
const answers = recorded('answer');

describe('every recorded request', () => {
  it.each(requests)('$name is the same turn after it was rendered again', ({ wire, body }) => {
    const turn = codecs[wire].parseRequest(body);
    const { body: rendered, lost } = codecs[wire].renderRequest(turn);
    expect(codecs[wire].parseRequest(rendered)).toEqual(turn);
    expect(lost).toEqual([]);
  });

  const ways = requests.flatMap((each) => FORMATS.filter((to) => to !== each.wire).map((to) => ({ ...each, to })));

  it.each(ways)('$name crosses to $to and back, and what is lost is listed', ({ wire, to, body }) => {
    const away = cross(wire, to, body);
    const there = codecs[to].parseRequest(away.body);
    const foldsSystem = to === 'messages' || wire === 'messages';
    expect(gistOfTurn(there, foldsSystem)).toEqual(gistOfTurn(away.turn, foldsSystem));
    expect(unlistedLosses(away.turn, there, away.lost)).toEqual([]);

    const home = cross(to, wire, away.body);
    const back: TurnRequest = codecs[wire].parseRequest(home.body);
    expect(gistOfTurn(back, foldsSystem)).toEqual(gistOfTurn(away.turn, foldsSystem));
    expect(unlistedLosses(away.turn, back, [...away.lost, ...home.lost])).toEqual([]);
  });
});

describe('every recorded stream', () => {
  it.each(streams)('$name is read into events that keep to the grammar of the hub', ({ wire, body }) => {
    expect(hubProblems(parseStream(wire, [Buffer.from(body)]))).toEqual([]);
  });

  const ways = streams.flatMap((each) => FORMATS.map((to) => ({ ...each, to })));

  it.each(ways)('$name is a good stream as $to, or one that no client can take for a success', ({ wire, to, body }) => {
    const events = parseStream(wire, [Buffer.from(body)]);
    const text = renderStream(to, events);
    const isCutChat = to === 'chat' && events.at(-1)?.type === 'cut';
    const problems = checkStream(to, text).filter(({ rule }) => !(saysBadInput(events) && rule.endsWith('a JSON object')));
    expect(problems.length > 0).toBe(isCutChat);
    expect(endOf(to, text)).toBe(events.at(-1)?.type === 'end' ? 'end' : isCutChat ? 'cut' : 'error');
  });
});

describe('every other recorded answer', () => {
  it.each(answers)('$name is read as what it is', ({ wire, body: { status, headers, body } }) => {
    if (status < 400) expect(hubProblems(codecs[wire].parseReply(body))).toEqual([]);
    else expect(codecs[wire].parseError(status, headers, body)).toMatchObject({ status, message: expect.stringMatching(/./) });
  });
});

/** True where the model itself wrote input that is no JSON. That is handed on: clients tell the model so. */
function saysBadInput(events: readonly TurnEvent[]): boolean {
  return events.some((event) => event.type === 'item_end' && event.text.startsWith('{') && parseJson(event.text) === undefined);
}

/** How a client of the format sees the stream end. */
function endOf(format: WireFormat, text: string): string | undefined {
  return parseStream(format, [Buffer.from(text)]).at(-1)?.type;
}
