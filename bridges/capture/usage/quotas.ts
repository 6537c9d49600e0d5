import type { Database } from 'better-sqlite3';
import type { QuotaPoint, QuotaWindow } from '../../contract/index.ts';
import type { BridgeState } from './rollup.ts';

/** What the engine knows of a bridge: who pays for its calls, and what its provider said of the limits. */
export type BridgeReport = BridgeState & { plan: string | null; windows: readonly QuotaWindow[]; asOf: string | null };

/** Providers say in seconds from now when a window begins anew: reckoned again, it is not the same to the second. */
const SAME_RESET_MS = 60_000;
/** Points that are read at once. */
const MOST_POINTS = 20_000;

/** Adds what is new in the reports to the series: a window that says the same as before adds nothing. */
export function keepQuotas(db: Database, reports: readonly BridgeReport[]): void {
  const last = db.prepare<[string, string], { used: number | null; resets: number | null; account: string | null; plan: string | null }>(
    'select used_percent as used, resets_ms as resets, account, plan from usage_quotas where bridge = ? and window = ? order by id desc limit 1',
  );
  const put = db.prepare<(string | number | null)[]>(
    'insert into usage_quotas (at_ms, bridge, account, plan, window, used_percent, minutes, resets_ms) values (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  for (const { bridge, account, plan, windows, asOf } of reports) {
    if (asOf === null) continue;
    for (const window of windows) {
      const resets = window.resetsAt === null ? null : Date.parse(window.resetsAt);
      const before = last.get(bridge, window.name);
      if (
        before !== undefined &&
        before.used === window.usedPercent &&
        isSameReset(before.resets, resets) &&
        before.account === account &&
        before.plan === plan
      )
        continue;
      put.run(Date.parse(asOf), bridge, account, plan, window.name, window.usedPercent, window.minutes, resets);
    }
  }
}

function isSameReset(before: number | null, now: number | null): boolean {
  return before === now || (before !== null && now !== null && Math.abs(now - before) < SAME_RESET_MS);
}

/** The series of a time, oldest first; of more than MOST_POINTS the newest. `fromMs` and `toMs` in Unix milliseconds. */
export function readQuotas(db: Database, bridge: string | undefined, fromMs: number, toMs: number): QuotaPoint[] {
  return db
    .prepare<
      [number, number, string | null, string | null],
      {
        at: number;
        bridge: string;
        account: string | null;
        plan: string | null;
        window: string;
        used: number | null;
        minutes: number | null;
        resets: number | null;
      }
    >(
      `select at_ms as at, bridge, account, plan, window, used_percent as used, minutes, resets_ms as resets
       from usage_quotas where at_ms >= ? and at_ms < ? and (? is null or bridge = ?) order by id desc limit ${MOST_POINTS}`,
    )
    .all(fromMs, toMs, bridge ?? null, bridge ?? null)
    .toReversed()
    .map((row) => ({
      at: new Date(row.at).toISOString(),
      bridge: row.bridge,
      account: row.account,
      plan: row.plan,
      window: row.window,
      usedPercent: row.used,
      minutes: row.minutes,
      resetsAt: row.resets === null ? null : new Date(row.resets).toISOString(),
    }));
}
