import { useQuery } from '@tanstack/react-query';
import type { CallDetail, CallIdentity, Cost } from '../../../../../bridges/contract/index.ts';
import { CallStatus, ModelName, Unstated } from '../../../components/call-bits.tsx';
import { engine } from '../../../lib/engine.ts';
import { bytes, compact, dollars, duration, fullTime, NOT_STATED, number } from '../../../lib/format.ts';
import { Fact, Group, Line } from './facts.tsx';

/** A call at a glance: what it was, how it went, what it used, and to whom it belongs. */
export function SummaryTab({ detail: { call, client, assembled } }: { detail: CallDetail }) {
  const { usage } = call;
  const asked = { input: { call: call.id }, retry: false };
  const { data: identity } = useQuery(engine.conversations.identity.queryOptions(asked));
  const { data: cost } = useQuery(
    engine.usage.cost.queryOptions({ input: { call: call.id }, retry: false, staleTime: Infinity, enabled: call.state !== 'open' }),
  );
  const tools = assembled.reply.filter(({ kind }) => kind === 'tool_call').length;
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="Summary"
      className="grid min-h-0 flex-1 auto-rows-max content-start gap-5 overflow-y-auto px-4 py-4 focus-visible:-outline-offset-2"
    >
      <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border bg-line min-[1100px]:grid-cols-4">
        <Tile name="Duration" value={call.durationMs === null ? null : duration(call.durationMs)} />
        <Tile name="First byte" value={call.ttfbMs === null ? null : duration(call.ttfbMs)} />
        <Tile
          name="Tokens in / out"
          value={
            usage === null
              ? null
              : `${usage.input === null ? '–' : compact(usage.input)} / ${usage.output === null ? '–' : compact(usage.output)}`
          }
        />
        <Tile name={costName(cost)} value={costOf(cost)} />
      </dl>
      <Group title="Call">
        <Line name="Number">{call.id}</Line>
        <Line name="Began">{fullTime(call.startedAt)}</Line>
        <Line name="State">
          <CallStatus call={call} />
        </Line>
        <Line name="Model">
          <ModelName call={call} />
        </Line>
        <Line name="Upstream">{call.upstream ?? <Unstated />}</Line>
        <Line name="Chosen by">{call.route ?? <Unstated />}</Line>
        <Line name="Reply">{call.streamed ? 'streamed' : 'in one piece'}</Line>
        <Line name="Sizes">
          {bytes(call.requestBytes)} sent, {bytes(call.replyBytes)} received
        </Line>
        <Line name="Parts of the conversation">
          {number(assembled.request.length)} sent, {number(assembled.reply.length)} received
          {tools > 0 && `, ${number(tools)} of them tool calls`}
        </Line>
      </Group>
      <Group title="Tokens, as the reply stated them">
        <Fact name="Input" value={usage?.input} show={number} />
        <Fact name="of it read from cache" value={usage?.cached} show={number} inner />
        <Fact name="of it written to cache" value={usage?.cacheWrite} show={number} inner />
        <Fact name="Output" value={usage?.output} show={number} />
        <Fact name="of it reasoning" value={usage?.reasoning} show={number} inner />
      </Group>
      <Group title="Who">
        <Line name="Client">{[call.client, call.clientVersion].filter((part) => part !== null).join(' ')}</Line>
        <Line name="Caller">{call.caller ?? <span className="text-faint">no client key</span>}</Line>
        <Line name="User agent">{client.request.headers.find(([name]) => name.toLowerCase() === 'user-agent')?.[1] ?? <Unstated />}</Line>
        {identity !== undefined && <Identity identity={identity} />}
      </Group>
    </div>
  );
}

function Identity({ identity }: { identity: CallIdentity }) {
  const facts: [string, string | null][] = [
    ['Session', identity.session],
    ['Thread', identity.thread],
    ['Folder', identity.cwd],
    ['Git branch', identity.gitBranch],
    ...Object.entries(identity.facts),
  ];
  return facts
    .filter((fact): fact is [string, string] => fact[1] !== null)
    .map(([name, value]) => (
      <Line key={name} name={name}>
        <span className="font-mono text-2xs">{value}</span>
      </Line>
    ));
}

function Tile({ name, value }: { name: string; value: string | null }) {
  return (
    <div className="bg-surface px-3 py-2">
      <dt className="text-2xs text-faint">{name}</dt>
      <dd className="tnum truncate text-base font-medium">
        {value ?? <span className="text-xs font-normal text-faint">{NOT_STATED}</span>}
      </dd>
    </div>
  );
}

function costName(cost: Cost | undefined): string {
  if (cost?.label === 'plan') return 'Cost by list price (plan pays)';
  return cost?.label === 'list price' ? 'Cost by list price' : 'Cost';
}

function costOf(cost: Cost | undefined): string | null {
  const usd = cost?.usd ?? null;
  return usd === null ? null : dollars(usd);
}
