import { Dialog } from '@base-ui/react/dialog';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import type { BridgeName, Call, CallDetail, Comparison, EngineClient, Status } from '../../../../../../bridges/contract/index.ts';
import { Button } from '../../../../components/button.tsx';
import { Choice } from '../../../../components/choice.tsx';
import { BACKDROP, POPUP } from '../../../../components/dialog.tsx';
import { TextField } from '../../../../components/field.tsx';
import { Problem } from '../../../../components/problem.tsx';
import { Waiting } from '../../../../components/progress.tsx';
import { Segmented } from '../../../../components/segmented.tsx';
import { client } from '../../../../host.ts';
import { cn } from '../../../../lib/cn.ts';
import { engine } from '../../../../lib/engine.ts';
import { causeOf } from '../../../../lib/errors.ts';
import { searchOfCalls } from '../../search.ts';
import { bodyOf, prettyOf } from './body.ts';
import { ComparisonView } from './comparison.tsx';
import { TranslateAgain } from './offline.tsx';

type Request = Parameters<EngineClient['replay']['run']>[0];

const BRIDGES: readonly BridgeName[] = ['codex', 'copilot', 'm365'];
const WIDE = cn(POPUP, 'top-[6vh] max-h-[88vh] w-[60rem] grid-rows-[auto_minmax(0,1fr)_auto]');

/** Sends a kept call again, as it was or edited, and puts both answers side by side. */
export function AgainDialog({ detail, limit, open, onOpenChange }: DialogProps & { detail: CallDetail; limit: number }) {
  return (
    <Window open={open} onOpenChange={onOpenChange}>
      <Again detail={detail} limit={limit} onDone={() => onOpenChange(false)} />
    </Window>
  );
}

/** A call that was sent again, beside the one it repeats. */
export function CompareDialog({ original, other, open, onOpenChange }: DialogProps & { original: number; other: number }) {
  const { data, error, refetch } = useQuery({
    ...engine.replay.compare.queryOptions({ input: { original, other }, retry: false, staleTime: Infinity }),
    enabled: open,
  });
  return (
    <Window open={open} onOpenChange={onOpenChange}>
      <Dialog.Title className="text-base font-semibold">
        Call {original} and its repetition {other}
      </Dialog.Title>
      <Body>
        {data ? (
          <ComparisonView comparison={data} />
        ) : error === null ? (
          <Waiting label="Putting both side by side" />
        ) : (
          <Problem title="They cannot be compared" error={error} onRetry={() => void refetch()} />
        )}
      </Body>
      <Foot>
        <Button onClick={() => onOpenChange(false)}>Close</Button>
      </Foot>
    </Window>
  );
}

type DialogProps = { open: boolean; onOpenChange: (open: boolean) => void };

function Window({ open, onOpenChange, children }: DialogProps & { children: ReactNode }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={WIDE}>{children}</Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Again({ detail, limit, onDone }: { detail: CallDetail; limit: number; onDone: () => void }) {
  const { call } = detail;
  const navigate = useNavigate();
  const [back, setBack] = useState(false);
  const send = useMutation({
    mutationFn: (request: Request) => client.replay.run(request),
    // A credential may stand in the request; it must not outlive its way to the engine.
    gcTime: 0,
    onSuccess: () => setBack(false),
  });
  const answered = send.data !== undefined && !back ? send.data : null;
  return (
    <>
      <Dialog.Title className="text-base font-semibold">
        {answered === null ? `Send call ${call.id} again` : `Call ${call.id}, then and now`}
      </Dialog.Title>
      {/* The form keeps what was typed while an answer is looked at. */}
      <AgainForm detail={detail} limit={limit} hidden={answered !== null} send={send} onCancel={onDone} />
      {answered !== null && (
        <Answer
          comparison={answered}
          onBack={() => setBack(true)}
          onOpen={() => {
            onDone();
            void navigate({ to: '/calls/$id', params: { id: String(answered.other.id) }, search: (search) => searchOfCalls(search) });
          }}
          onDone={onDone}
        />
      )}
    </>
  );
}

function Answer({
  comparison,
  onBack,
  onOpen,
  onDone,
}: {
  comparison: Comparison;
  onBack: () => void;
  onOpen: () => void;
  onDone: () => void;
}) {
  return (
    <>
      <Body>
        <ComparisonView comparison={comparison} />
      </Body>
      <Foot>
        <Button className="mr-auto" onClick={onBack}>
          Change it and send again
        </Button>
        <Button onClick={onDone}>Close</Button>
        <Button look="primary" onClick={onOpen}>
          Open call {comparison.other.id}
        </Button>
      </Foot>
    </>
  );
}

type Send = { isPending: boolean; error: Error | null; mutate: (request: Request) => void };

function AgainForm({
  detail,
  limit,
  hidden,
  send,
  onCancel,
}: {
  detail: CallDetail;
  limit: number;
  hidden: boolean;
  send: Send;
  onCancel: () => void;
}) {
  const { call } = detail;
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const [upstream, setUpstream] = useState<string | undefined>(undefined);
  const [model, setModel] = useState('');
  const [credential, setCredential] = useState('');
  const [form, setForm] = useState<'kept' | 'edited'>('kept');
  const [text, setText] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const whole = useQuery({
    ...engine.calls.get.queryOptions({ input: { id: call.id, limit }, staleTime: Infinity }),
    enabled: form === 'edited' && detail.client.request.body?.whole === false,
  });
  const kept = detail.client.request.body?.whole === false ? whole.data?.client.request : detail.client.request;
  const draft = text ?? prettyOf(kept?.body ?? null);
  const ofClient = needsCredential(call, upstream, status?.upstreams);
  const submit = (): void => {
    const body = form === 'edited' ? bodyOf(draft) : null;
    setWrong(body !== null && 'problem' in body ? body.problem : null);
    if (body !== null && 'problem' in body) return;
    send.mutate({
      id: call.id,
      ...(upstream === undefined ? {} : { upstream }),
      ...(model.trim() === '' ? {} : { model: model.trim() }),
      ...(credential === '' ? {} : { credential }),
      ...(body === null ? {} : { body: body.value }),
    });
  };
  return (
    <form
      hidden={hidden}
      className="contents [&[hidden]]:hidden"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Body>
        <div className="grid gap-4">
          <Dialog.Description className="text-muted">
            This makes a real call: it is charged or counted like any other, and becomes a row of its own.
          </Dialog.Description>
          <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
            <div className="grid gap-1">
              <span className="text-xs font-medium">Upstream</span>
              <Choice
                label="Upstream"
                any={`Where it went: ${call.upstream ?? 'not stated'}`}
                value={upstream}
                options={upstreamsOf(status)}
                onChange={setUpstream}
              />
            </div>
            <div className="min-w-48 flex-1">
              <TextField
                label="Model"
                className="h-7 text-xs"
                placeholder={call.modelRequested ?? 'as it was'}
                value={model}
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setModel(event.target.value)}
              />
            </div>
          </div>
          {ofClient && (
            <TextField
              label="Credential"
              type="password"
              hint="It went with the client’s own, which was never kept. Give one: it is used once and kept nowhere. Or choose another upstream."
              value={credential}
              autoComplete="off"
              onChange={(event) => setCredential(event.target.value)}
            />
          )}
          <div className="grid gap-2">
            <div className="flex items-center gap-3">
              <span className="text-xs font-medium">Request</span>
              <Segmented
                label="Which request is sent"
                value={form}
                options={[
                  { value: 'kept', label: 'As it was' },
                  { value: 'edited', label: 'Edited' },
                ]}
                onChange={setForm}
              />
            </div>
            {form === 'edited' && (
              <textarea
                aria-label="Request to send"
                aria-invalid={wrong !== null}
                className="h-[40vh] w-full resize-none rounded-md border border-line-strong bg-sunken p-2.5 font-mono text-xs focus-visible:border-accent"
                spellCheck={false}
                autoComplete="off"
                disabled={kept === undefined}
                value={kept === undefined ? 'Loading…' : draft}
                onChange={(event) => {
                  setText(event.target.value);
                  setWrong(null);
                }}
              />
            )}
          </div>
          {detail.upstream !== null && call.wireIn !== call.wireOut && <TranslateAgain id={call.id} />}
          {(wrong !== null || send.error !== null) && (
            <p role="alert" className="text-xs text-bad">
              {wrong ?? causeOf(send.error)}
            </p>
          )}
        </div>
      </Body>
      <Foot>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={send.isPending} disabled={form === 'edited' && kept === undefined}>
          {send.isPending ? 'Waiting for the answer' : 'Send'}
        </Button>
      </Foot>
    </form>
  );
}

/** Where a call can be sent, the bridges last. */
function upstreamsOf(status: Status | undefined): { value: string; label: string }[] {
  return [
    ...(status?.upstreams ?? []).map(({ id, label }) => ({ value: id, label })),
    ...BRIDGES.map((id) => ({ value: id, label: status?.bridges.find(({ name }) => name === id)?.label ?? id })),
  ];
}

/** True where the upstream that is meant is reached with the client's own credential. */
function needsCredential(call: Call, chosen: string | undefined, upstreams: readonly { id: string; credential: string }[] = []): boolean {
  const meant = chosen ?? call.upstream;
  return upstreams.some(({ id, credential }) => id === meant && credential === 'client');
}

function Body({ children }: { children: ReactNode }) {
  return <div className="-mx-1 min-h-0 overflow-y-auto px-1">{children}</div>;
}

function Foot({ children }: { children: ReactNode }) {
  return <div className="flex justify-end gap-2">{children}</div>;
}
