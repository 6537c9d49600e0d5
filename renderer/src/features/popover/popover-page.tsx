import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ArrowUpRight, Pause, Play } from 'lucide-react';
import { useCallback, type ReactNode } from 'react';
import type { Bridge, BridgeDetail, Call, Status, TunnelStatus } from '../../../../bridges/contract/index.ts';
import { Button } from '../../components/button.tsx';
import { CallStatus, ModelName } from '../../components/call-bits.tsx';
import { CostValue } from '../../components/cost.tsx';
import { Meter } from '../../components/meter.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { StatusDot } from '../../components/status-dot.tsx';
import { Switch } from '../../components/switch.tsx';
import { toastError } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine } from '../../lib/engine.ts';
import { compact, number, time } from '../../lib/format.ts';
import { healthOf } from '../../lib/health.ts';
import { pauseOrResume } from '../../lib/pause.ts';
import { useCallFeed } from '../../lib/use-call-feed.ts';
import { STATES as ACCOUNT_STATES } from '../bridges/words.ts';
import { EACH_MINUTE } from '../../lib/each-minute.ts';
import { STATES as TUNNEL_STATES } from '../tunnels/words.ts';

const LAST_CALLS = 5;
const EVERYTHING = {};

/** Shows a page: in the window where there is a shell, else here. */
function useShow(): (path: string) => void {
  const navigate = useNavigate();
  return useCallback(
    (path) => {
      if (window.drawbridge === undefined) void navigate({ to: path });
      else window.drawbridge.show(path);
    },
    [navigate],
  );
}

/** The small window at the icon: how all stands, and what is wanted most often. */
export function PopoverPage() {
  const { data: status, error, refetch } = useQuery(engine.status.get.queryOptions(EACH_MINUTE));
  const show = useShow();
  if (!status) {
    return error === null ? (
      <Waiting label="Asking the engine" />
    ) : (
      <Problem title="The engine does not answer" error={error} onRetry={() => void refetch()} className="m-3" />
    );
  }
  const health = healthOf(status);
  return (
    <div className="flex h-full flex-col bg-surface text-xs">
      <header className="flex items-center gap-3 border-b px-3.5 py-2.5">
        <StatusDot tone={health.level} />
        <div className="mr-auto min-w-0">
          <h1 className="text-sm font-semibold">{health.title}</h1>
          <p className="text-muted">{health.detail}</p>
        </div>
        <Button look="primary" onClick={() => show('/')}>
          Open
          <ArrowUpRight aria-hidden size={13} />
        </Button>
      </header>
      <div className="min-h-0 flex-1 divide-y overflow-y-auto" tabIndex={0} role="region" aria-label="At a glance">
        <Bridges bridges={status.bridges} onShow={show} />
        <Tunnels onShow={show} />
        <LastCalls onShow={show} />
        <AtAGlance status={status} onShow={show} />
      </div>
      <Capture status={status} />
    </div>
  );
}

function Part({ title, to, onShow, children }: { title: string; to: string; onShow: (path: string) => void; children: ReactNode }) {
  return (
    <section aria-label={title} className="grid gap-1 px-3.5 py-2.5">
      <h2 className="flex items-center">
        <button type="button" onClick={() => onShow(to)} className="rounded font-semibold hover:underline">
          {title}
        </button>
      </h2>
      {children}
    </section>
  );
}

type PartProps = { onShow: (path: string) => void };

function Bridges({ bridges, onShow }: PartProps & { bridges: readonly Bridge[] }) {
  const { data } = useQuery(engine.bridges.list.queryOptions({ input: {} }));
  const detailOf = ({ name }: Bridge): BridgeDetail | undefined => data?.find((one) => one.name === name);
  const isOff = (bridge: Bridge): boolean => detailOf(bridge)?.enabled === false;
  return (
    <Part title="Bridges" to="/bridges" onShow={onShow}>
      <ul className="grid gap-1.5">
        {bridges.map((bridge) => (
          <li key={bridge.name}>
            <button
              type="button"
              onClick={() => onShow(`/bridges/${bridge.name}`)}
              className="grid w-full grid-cols-[auto_1fr_auto] items-center gap-x-2 gap-y-1 rounded text-left hover:bg-hover"
            >
              <StatusDot tone={isOff(bridge) ? 'idle' : ACCOUNT_STATES[bridge.state].tone} />
              <span className="truncate">{bridge.label}</span>
              <span className="text-muted">{isOff(bridge) ? 'Switched off' : ACCOUNT_STATES[bridge.state].label}</span>
              <Used label={bridge.label} quota={detailOf(bridge)?.quota ?? null} />
            </button>
          </li>
        ))}
      </ul>
    </Part>
  );
}

/** The limit that is used most. */
function Used({ label, quota }: Pick<BridgeDetail, 'label' | 'quota'>) {
  const used = quota?.windows.flatMap(({ usedPercent }) => (usedPercent === null ? [] : [usedPercent])) ?? [];
  if (used.length === 0) return null;
  const most = Math.max(...used);
  return (
    <span className="col-span-2 col-start-2 grid grid-cols-[1fr_auto] items-center gap-2">
      <Meter label={`${label}: most used limit`} percent={most} />
      <span className="tnum text-2xs text-faint">{Math.round(most)} %</span>
    </span>
  );
}

function Tunnels({ onShow }: PartProps) {
  const { data, refetch } = useQuery(engine.tunnels.list.queryOptions({ input: {} }));
  if (data === undefined || data.length === 0) return null;
  const set = ({ definition: { name } }: TunnelStatus, on: boolean): void =>
    void (on ? client.tunnels.start({ name }) : client.tunnels.stop({ name })).then(
      () => refetch(),
      (error: unknown) => toastError(`The tunnel ${name} could not be ${on ? 'started' : 'stopped'}`, error),
    );
  return (
    <Part title="Tunnels" to="/tunnels" onShow={onShow}>
      <ul className="grid gap-1.5">
        {data.map((tunnel) => (
          <li key={tunnel.definition.name} className="flex items-center gap-2">
            <StatusDot tone={TUNNEL_STATES[tunnel.state].tone} />
            <button
              type="button"
              onClick={() => onShow(`/tunnels/${tunnel.definition.name}`)}
              className="min-w-0 truncate rounded hover:underline"
            >
              {tunnel.definition.name}
            </button>
            <span className="ml-auto text-muted">{TUNNEL_STATES[tunnel.state].label}</span>
            <Switch label={`Tunnel ${tunnel.definition.name}`} checked={tunnel.state !== 'off'} onChange={(on) => set(tunnel, on)} />
          </li>
        ))}
      </ul>
    </Part>
  );
}

function LastCalls({ onShow }: PartProps) {
  const { view } = useCallFeed(EVERYTHING, LAST_CALLS);
  return (
    <Part title="Last calls" to="/calls" onShow={onShow}>
      {view.phase === 'ready' && view.rows.length === 0 && <p className="text-muted">No call has come yet.</p>}
      <ul className="grid gap-0.5">
        {view.rows.slice(0, LAST_CALLS).map((call) => (
          <Last key={call.id} call={call} onShow={onShow} />
        ))}
      </ul>
    </Part>
  );
}

function Last({ call, onShow }: PartProps & { call: Call }) {
  return (
    <li>
      <button
        type="button"
        onClick={() => onShow(`/calls/${call.id}`)}
        className="grid h-6 w-full grid-cols-[4rem_minmax(0,1fr)_7.5rem] items-center gap-2 rounded text-left hover:bg-hover"
      >
        <span className="tnum text-faint">{time(call.startedAt)}</span>
        <span className="truncate">
          {call.client} <span className="text-muted">· </span>
          <ModelName call={call} />
        </span>
        <span className="truncate">
          <CallStatus call={call} />
        </span>
      </button>
    </li>
  );
}

function AtAGlance({ status: { activity }, onShow }: PartProps & { status: Status }) {
  const { data } = useQuery(engine.usage.window5h.queryOptions({ input: {}, ...EACH_MINUTE }));
  const numbers = data?.[0]?.numbers;
  return (
    <Part title="Usage" to="/usage" onShow={onShow}>
      <dl className="tnum grid grid-cols-[1fr_auto] gap-y-0.5">
        <dt className="text-muted">Calls, last hour</dt>
        <dd className="text-right">
          {number(activity.calls)}
          {activity.failed > 0 && <span className="text-bad">, {number(activity.failed)} failed</span>}
        </dd>
        {numbers !== undefined && (
          <>
            <dt className="text-muted">Tokens in and out, last five hours</dt>
            <dd className="text-right">
              {numbers.inputGross === null ? 'not stated' : compact(numbers.inputGross)} and{' '}
              {numbers.output === null ? 'not stated' : compact(numbers.output)}
            </dd>
            <dt className="text-muted">Cost, last five hours</dt>
            <dd className="text-right">
              <CostValue cost={numbers.cost} label={false} />
            </dd>
          </>
        )}
      </dl>
    </Part>
  );
}

/** It says itself what was done, and is the way back: a message in the corner would cover it. */
function Capture({ status: { capture } }: { status: Status }) {
  const paused = capture.state === 'paused';
  return (
    <footer className="flex items-center gap-2 border-t px-3.5 py-2">
      <span className="mr-auto text-muted">
        {capture.state === 'failed' ? 'Calls are not recorded' : paused ? 'Capture is paused' : 'Calls are recorded'}
      </span>
      {capture.state !== 'failed' && (
        <Button onClick={() => void pauseOrResume(!paused).catch((error: unknown) => toastError('Capture could not be switched', error))}>
          {paused ? <Play aria-hidden size={13} /> : <Pause aria-hidden size={13} />}
          {paused ? 'Resume capture' : 'Pause capture'}
        </Button>
      )}
    </footer>
  );
}
