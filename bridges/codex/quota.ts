import { z } from 'zod';
import type { BridgeDetail, QuotaWindow } from '../contract/index.ts';

export type Quota = NonNullable<BridgeDetail['quota']>;

/** Usage windows as a reply's headers tell them (SPEC 3.3); null where they tell nothing. Pure. */
export function quotaOfHeaders(headers: Readonly<Record<string, string | string[]>>, now: number, plan: string | null): Quota | null {
  const number = (name: string): number | null => {
    const text = [headers[name]].flat()[0];
    return text === undefined || text === '' || Number.isNaN(Number(text)) ? null : Number(text);
  };
  const windows = (['primary', 'secondary'] as const).flatMap((name): QuotaWindow[] => {
    const usedPercent = number(`x-codex-${name}-used-percent`);
    const resetsAt = number(`x-codex-${name}-reset-at`);
    if (usedPercent === null && resetsAt === null) return [];
    return [{ name, usedPercent, minutes: number(`x-codex-${name}-window-minutes`), resetsAt: iso(resetsAt) }];
  });
  return windows.length === 0 ? null : { plan, windows, asOf: new Date(now).toISOString() };
}

const Window = z.object({
  used_percent: z.number().nullish(),
  limit_window_seconds: z.number().nullish(),
  reset_after_seconds: z.number().nullish(),
  reset_at: z.number().nullish(),
});
const Usage = z.object({
  plan_type: z.string().nullish(),
  rate_limit: z.object({ primary_window: Window.nullish(), secondary_window: Window.nullish() }).nullish(),
});

/** The same from `wham/usage`; null where it is not understood. Pure. */
export function quotaOfUsage(body: unknown, now: number): Quota | null {
  const usage = Usage.safeParse(body);
  if (!usage.success) return null;
  const { rate_limit: limit, plan_type: plan } = usage.data;
  const windows = (['primary', 'secondary'] as const).flatMap((name): QuotaWindow[] => {
    const window = limit?.[`${name}_window`];
    if (window === null || window === undefined) return [];
    const after = window.reset_after_seconds;
    const resetsAt = window.reset_at ?? (after === null || after === undefined ? null : Math.round(now / 1000) + after);
    const seconds = window.limit_window_seconds;
    return [
      {
        name,
        usedPercent: window.used_percent ?? null,
        minutes: seconds === null || seconds === undefined ? null : Math.round(seconds / 60),
        resetsAt: iso(resetsAt),
      },
    ];
  });
  return { plan: plan ?? null, windows, asOf: new Date(now).toISOString() };
}

function iso(seconds: number | null): string | null {
  return seconds === null || seconds < 0 || seconds > 1e11 ? null : new Date(seconds * 1000).toISOString();
}
