import type { BridgeDetail, QuotaWindow } from '../contract/index.ts';

export type Quota = NonNullable<BridgeDetail['quota']>;

/** One of GitHub's counts, in whichever of its shapes it came. Percents are of what is included. */
export type Snapshot = {
  name: string;
  unlimited: boolean;
  percentLeft: number | null;
  included: number | null;
  overage: number;
  overageAllowed: boolean;
  resetsAt: string | null;
};

/** What is left of a plan; what is without limit is left out. Pure. */
export function quotaOf(plan: string | null, snapshots: readonly Snapshot[], now: number): Quota {
  return { plan, windows: snapshots.filter(({ unlimited }) => !unlimited).map(windowOf), asOf: new Date(now).toISOString() };
}

function windowOf({ name, percentLeft, included, overage, overageAllowed, resetsAt }: Snapshot): QuotaWindow {
  const window = { name, usedPercent: percentLeft === null ? null : round(100 - percentLeft), minutes: null, resetsAt };
  if (included === null || percentLeft === null) return window;
  return { ...window, credits: { included, left: round((included * percentLeft) / 100), overage, overageAllowed } };
}

const HEADER = /^x-quota-snapshot-(\w+)$/;

/** The counts a reply's headers tell (SPEC 5.5), over those known before; null where they tell nothing. Pure. */
export function quotaOfHeaders(headers: Readonly<Record<string, string | string[]>>, before: Quota | null, now: number): Quota | null {
  const told = Object.entries(headers).flatMap(([header, value]): Snapshot[] => {
    const name = HEADER.exec(header)?.[1];
    const text = [value].flat()[0];
    if (name === undefined || text === undefined) return [];
    const fields = new URLSearchParams(text);
    const number = (field: string): number | null => {
      const read = fields.get(field);
      return read === null || read === '' || Number.isNaN(Number(read)) ? null : Number(read);
    };
    const included = number('ent');
    const percentLeft = number('rem');
    if (percentLeft === null) return [];
    return [
      {
        name,
        unlimited: included === -1,
        percentLeft,
        included: included === -1 ? null : included,
        overage: number('ov') ?? 0,
        overageAllowed: fields.get('ovPerm') === 'true',
        resetsAt: isoDate(fields.get('rst')),
      },
    ];
  });
  if (told.length === 0) return null;
  const names = new Set(told.map(({ name }) => name));
  const kept = (before?.windows ?? []).filter(({ name }) => !names.has(name));
  const fresh = quotaOf(before?.plan ?? null, told, now);
  return { ...fresh, windows: [...kept, ...fresh.windows] };
}

/** A date as JSON has it, or null where it is none. */
export function isoDate(text: string | null | undefined): string | null {
  const time = text === null || text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

const round = (value: number): number => Math.round(value * 100) / 100;
