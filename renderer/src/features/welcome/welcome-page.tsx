import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Check, SkipForward } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import logo from '../../../../resources/icons/drawbridge.svg';
import { Button } from '../../components/button.tsx';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Waiting } from '../../components/progress.tsx';
import { cn } from '../../lib/cn.ts';
import { engine } from '../../lib/engine.ts';
import { useSaveSettings } from '../../lib/settings.ts';
import { PlaceLink } from '../../shell/place-link.tsx';
import { Attach } from './attach.tsx';
import { FirstCall } from './first-call.tsx';
import { SignIn } from './sign-in.tsx';
import { nextStep, STEPS, takenSteps, type Step } from './steps.ts';

const TITLES: Readonly<Record<Step, { title: string; note: string }>> = {
  call: { title: 'Make a first call', note: 'a minute, no account' },
  'sign-in': { title: 'Sign in to a subscription', note: 'Codex, GitHub Copilot' },
  client: { title: 'Connect a client', note: 'Claude Code, Codex CLI, any SDK' },
  tunnel: { title: 'Lend it to your gateway', note: 'only if you have one' },
};

/** From nothing to the first call, and on to one’s own tools. Each step can be left out and taken later. */
export function WelcomePage() {
  const { data: status, error, refetch } = useQuery(engine.status.get.queryOptions());
  const { data: clients, isPending } = useQuery(engine.clients.list.queryOptions({ input: {} }));
  const { data: kept } = useQuery(engine.settings.get.queryOptions());
  const navigate = useNavigate();
  const done = useSaveSettings('The first steps are put away. They stay under “Go to Welcome”.');
  const taken = status ? takenSteps(status, clients ?? []) : new Set<Step>();
  const [chosen, setChosen] = useState<Step | null>(null);
  // Which step is open must not change by itself once it is shown.
  if (!status || isPending) {
    if (error === null) return <Waiting label="Asking the engine how it stands" />;
    return (
      <Page>
        <Problem title="The engine’s state cannot be read" error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  // What is open stays open when its step is taken: its end is worth seeing.
  const current = chosen ?? nextStep(taken);
  const leave = (): void => {
    if (kept?.settings.ui.welcomed !== true) done.mutate({ ui: { welcomed: true } });
    void navigate({ to: '/' });
  };
  const next = (): void => {
    const following = STEPS[STEPS.indexOf(current) + 1];
    if (following) setChosen(following);
    else leave();
  };
  return (
    <Page width="max-w-[920px]">
      <header className="flex items-center gap-4 py-3">
        <img src={logo} alt="" className="size-11" />
        <div className="min-w-0">
          <h2 className="text-xl font-semibold tracking-tight">Welcome to Drawbridge</h2>
          <p className="text-pretty text-muted">
            One safe, visible way for every AI tool on this machine to use the subscriptions you pay for.
          </p>
        </div>
      </header>
      <div className="grid items-start gap-4 min-[820px]:grid-cols-[17rem_minmax(0,1fr)]">
        <nav aria-label="First steps">
          <ol className="grid gap-1">
            {STEPS.map((step, at) => (
              <li key={step}>
                <StepButton number={at + 1} step={step} taken={taken.has(step)} current={step === current} onOpen={() => setChosen(step)} />
              </li>
            ))}
          </ol>
        </nav>
        <section aria-label={TITLES[current].title} className="rounded-lg border bg-surface">
          <div className="grid gap-3 p-5">
            <h3 className="text-lg font-semibold">{TITLES[current].title}</h3>
            <StepBody step={current} onNext={next} onOpen={() => setChosen(current)} />
          </div>
          <footer className="flex flex-wrap items-center gap-2 border-t px-5 py-3">
            <Button look="ghost" onClick={leave} className="mr-auto -ml-2.5">
              {taken.size === STEPS.length ? 'Done with the first steps' : 'Put the first steps away'}
            </Button>
            <Button onClick={next}>
              {!taken.has(current) && <SkipForward aria-hidden size={13} />}
              {current === 'tunnel' ? 'To the overview' : taken.has(current) ? 'Next step' : 'Skip this step'}
            </Button>
          </footer>
        </section>
      </div>
    </Page>
  );
}

function StepButton({
  number,
  step,
  taken,
  current,
  onOpen,
}: {
  number: number;
  step: Step;
  taken: boolean;
  current: boolean;
  onOpen: () => void;
}) {
  const { title, note } = TITLES[step];
  return (
    <button
      type="button"
      aria-current={current ? 'step' : undefined}
      onClick={onOpen}
      className={cn(
        'flex w-full items-center gap-3 rounded-lg px-3 py-2 text-left transition-colors hover:bg-hover',
        current && 'bg-selected hover:bg-selected',
      )}
    >
      <span
        aria-hidden
        className={cn(
          'tnum grid size-6 shrink-0 place-items-center rounded-full border border-line-strong text-xs font-medium text-muted',
          current && 'border-accent text-accent',
          taken && 'border-transparent bg-ok-soft text-ok ring-1 ring-ok/30',
        )}
      >
        {taken ? <Check size={14} /> : number}
      </span>
      <span className="min-w-0">
        <span className="block font-medium">{title}</span>
        <span className="block truncate text-2xs text-muted">{taken ? 'done' : note}</span>
      </span>
    </button>
  );
}

function StepBody({ step, onNext, onOpen }: { step: Step; onNext: () => void; onOpen: () => void }): ReactNode {
  switch (step) {
    case 'call':
      return <FirstCall onStart={onOpen} onNext={onNext} />;
    case 'sign-in':
      return <SignIn />;
    case 'client':
      return <Attach />;
    case 'tunnel':
      return <LendIt />;
  }
}

function LendIt() {
  return (
    <div className="grid gap-4">
      <p className="text-muted">
        A tunnel lets your own gateway, on a server of yours, call what is offered here. It reaches only the gateway’s loopback, and that is
        proved each time: nobody else can get in. Without a gateway, leave this out.
      </p>
      <PlaceLink to="/tunnels" className={`${BUTTON_LINK} w-fit`}>
        Go to the tunnels
      </PlaceLink>
    </div>
  );
}
