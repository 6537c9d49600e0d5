import { useMutation, useQuery } from '@tanstack/react-query';
import type { BridgeDetail } from '../../../../bridges/contract/index.ts';
import { Card } from '../../components/card.tsx';
import { EditField, FormRow, FormRows } from '../../components/form.tsx';
import { toast } from '../../components/toasts.tsx';
import { client } from '../../host.ts';
import { engine, queryClient } from '../../lib/engine.ts';
import { causeOf } from '../../lib/errors.ts';
import { number } from '../../lib/format.ts';
import { Meter } from '../../components/meter.tsx';

const LIMITS = [
  { setting: 'concurrency', title: 'At once', hint: 'Calls under way; more wait their turn.', unit: 'calls' },
  { setting: 'paceMs', title: 'Pace', hint: 'Between the starts of two calls.', unit: 'ms' },
  { setting: 'dailyCalls', title: 'Ceiling of a day', hint: 'Counted from 00:00 UTC; beyond it calls are refused.', unit: 'calls' },
] as const;

/** What the safety governor lets through, whatever the clients want. */
export function LimitsCard({ bridge }: { bridge: BridgeDetail }) {
  const { calls, ceiling } = bridge.today;
  const { data } = useQuery(engine.settings.get.queryOptions());
  const own = data?.settings.bridges[bridge.name];
  const set = useMutation({
    mutationFn: (patch: Record<string, number>) => client.settings.update({ patch: { bridges: { [bridge.name]: patch } } }),
    onSuccess: () => toast({ title: 'The limit is set' }),
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: engine.settings.key() });
      void queryClient.invalidateQueries({ queryKey: engine.bridges.key() });
    },
  });
  const failed = (setting: string): boolean => set.isError && set.variables[setting] !== undefined;
  return (
    <Card title="Safety limits">
      <div className="grid gap-1.5 border-b px-3.5 py-2.5">
        <p className="flex items-baseline">
          <span className="font-medium">Calls today</span>
          <span className="tnum ml-auto text-xs text-muted">
            {number(calls)} of {number(ceiling)}
          </span>
        </p>
        <Meter label="Calls today" percent={(calls / ceiling) * 100} />
        <p className="text-2xs text-faint">
          Providers suspend accounts that are used like no person would use them. These limits keep yours from it.
        </p>
      </div>
      {own && (
        <FormRows>
          {LIMITS.map(({ setting, title, hint, unit }) => (
            <FormRow key={setting} title={title} hint={hint} error={failed(setting) ? causeOf(set.error) : null}>
              <EditField
                // What was saved takes the place of what was typed.
                key={own[setting]}
                label={title}
                kind="number"
                unit={unit}
                width="w-20"
                value={String(own[setting])}
                busy={set.isPending}
                invalid={failed(setting)}
                onSave={(text) => set.mutate({ [setting]: Number(text) })}
              />
            </FormRow>
          ))}
        </FormRows>
      )}
    </Card>
  );
}
