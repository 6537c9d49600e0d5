import { DrawbridgeError } from '../../contract/errors.ts';
import { UsageDimension } from '../../contract/usage.ts';
import { groupName } from '../../contract/usage-names.ts';
import type { Conversation, ConversationNode, Cost, EngineClient, UsageNumbers } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import { inLine, table, type Output } from './output.ts';

type Shown = { json: boolean; limit: number; output: Output };

/** `drawbridge conversations [ID]`: the newest conversations, or one as a tree. Returns the exit code. */
export async function conversations(client: EngineClient, [id]: readonly string[], { json, limit, output }: Shown): Promise<number> {
  if (id !== undefined) {
    const call = Number(id);
    if (!Number.isSafeInteger(call))
      throw new DrawbridgeError('bad_input', `"${id}" is no number of a call. Run "drawbridge conversations".`);
    const tree = await client.conversations.tree({ id: call });
    if (json) output.out(JSON.stringify(tree));
    else output.out([headOf(tree.conversation), table([NODE_HEADING, ...tree.nodes.map(nodeCells)])].join('\n\n'));
    return 0;
  }
  const found: Conversation[] = [];
  let before: { last: number; id: number } | undefined;
  while (found.length < limit) {
    const page = await client.conversations.list({
      limit: Math.min(500, limit - found.length),
      ...(before === undefined ? {} : { before }),
    });
    found.push(...page.conversations);
    if (page.next === null) break;
    before = page.next;
  }
  if (json) output.out(JSON.stringify(found));
  else if (found.length === 0) output.out('No conversations yet. Try: drawbridge env curl');
  else output.out(table([HEADING, ...found.map(cells)]));
  return 0;
}

const HEADING = ['last', 'calls', 'tokens', 'cost', 'client', 'caller', 'model', 'id', 'title'];

function cells(one: Conversation): string[] {
  return [
    localTime(one.lastAt).slice(0, 16),
    String(one.calls),
    `${one.tokens.inputGross ?? '–'} in, ${one.tokens.output ?? '–'} out`,
    costText(one.cost),
    one.client,
    one.caller ?? '–',
    one.model ?? '–',
    String(one.id),
    one.title ?? '–',
  ];
}

function headOf(one: Conversation): string {
  const where = [one.client, one.cwd, one.gitBranch].filter((part) => part !== null).join(', ');
  return `${inLine(one.title ?? 'Without a title')}\n${inLine(where)}\n${one.calls} calls, ${one.subtasks} sub-tasks, ${costText(one.cost)}`;
}

const NODE_HEADING = ['time', 'line', 'kind', 'status', 'tokens', 'cost', 'call', 'title'];

function nodeCells(node: ConversationNode): string[] {
  return [
    localTime(node.startedAt).slice(11),
    node.line,
    node.kind,
    node.state === 'open' ? 'open' : `${node.status ?? '–'}${node.state === 'cut' ? ' cut' : ''}`,
    `${node.tokens.inputGross ?? '–'} in, ${node.tokens.output ?? '–'} out`,
    costText(node.cost),
    String(node.call),
    node.title ?? '–',
  ];
}

/** `drawbridge usage`: the last days, by a dimension, and the window of five hours. Days are this time zone's. Returns the exit code. */
export async function usage(
  client: EngineClient,
  { by, days, json, output }: { by: string | undefined; days: number; json: boolean; output: Output },
): Promise<number> {
  const dimension = UsageDimension.optional().safeParse(by);
  if (!dimension.success) throw new DrawbridgeError('bad_input', `--by takes ${UsageDimension.options.join(', ')}, not "${by ?? ''}".`);
  const wanted = dimension.data;
  const now = new Date();
  const from = new Date(now.getTime() - days * 86_400_000).toISOString();
  const offsetMinutes = -now.getTimezoneOffset();
  const series = await client.usage.series({
    from,
    bucket: 'day',
    offsetMinutes,
    ...(wanted === undefined ? {} : { by: wanted }),
  });
  const window = await client.usage.window5h({});
  if (json) {
    output.out(JSON.stringify({ ...series, window5h: window[0] ?? null }));
    return 0;
  }
  const bridges = wanted === 'account' ? await client.bridges.list({}) : [];
  const rows =
    wanted === undefined
      ? series.points.map((point) => [dayName(point.at, offsetMinutes), ...numberCells(point)])
      : series.totals.map((total) => [groupName(wanted, total.group, bridges) ?? '–', ...numberCells(total)]);
  output.out(table([[wanted ?? 'day', ...NUMBER_HEADING], ...rows, ['all', ...numberCells(series.all)]]));
  const running = window[0];
  if (running !== undefined && running.startedAt !== null)
    output.out(
      `\nThe last five hours: ${running.numbers.calls} calls, ${running.numbers.inputGross ?? '–'} in, ${running.numbers.output ?? '–'} out, ${costText(running.numbers.cost)}`,
    );
  return 0;
}

function dayName(at: string, offsetMinutes: number): string {
  return new Date(Date.parse(at) + offsetMinutes * 60_000).toISOString().slice(0, 10);
}

const NUMBER_HEADING = ['calls', 'errors', 'in', 'of it cached', 'out', 'reasoning', 'tools', 'cost'];

function numberCells(numbers: UsageNumbers): string[] {
  const told = (value: number | null): string => (value === null ? '–' : String(value));
  return [
    String(numbers.calls),
    String(numbers.errors),
    told(numbers.inputGross),
    told(numbers.cached),
    told(numbers.output),
    told(numbers.reasoning),
    told(numbers.toolCalls),
    costText(numbers.cost),
  ];
}

/** A cost with what it is: "$1.20 list price", "at least $1.20 plan", "unknown". */
function costText({ usd, label, complete }: Cost): string {
  if (usd === null) return label === 'plan' ? 'plan' : 'unknown';
  return `${complete ? '' : 'at least '}$${usd.toFixed(usd < 1 ? 4 : 2)} ${label}`;
}
