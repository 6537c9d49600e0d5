import type { UsageNumbers, UsagePoint, UsageTotal } from '../../../../bridges/contract/index.ts';

const HOUR_MS = 3_600_000;

/** When each bucket begins, in Unix milliseconds. `offsetMinutes` is the viewer's distance from UTC; a day begins with the first whole hour in it. */
export function bucketsOf(bucket: 'hour' | 'day', count: number, now: number, offsetMinutes: number): number[] {
  const length = bucket === 'hour' ? HOUR_MS : 24 * HOUR_MS;
  const shift = bucket === 'hour' ? 0 : Math.floor(offsetMinutes / 60) * HOUR_MS;
  const last = Math.floor((now + shift) / length) * length - shift;
  return Array.from({ length: count }, (_, at) => last - (count - 1 - at) * length);
}

const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'short', month: 'short', day: 'numeric', timeZone: 'UTC' });

/**
 * The name of the day that begins at a bucket. The viewer's distance from UTC now holds for all buckets: beyond a change of
 * clocks one begins an hour before or after midnight there, and is of the same day all the same.
 */
export function dayName(bucket: number, offsetMinutes: number): string {
  return dayFormat.format(bucket + offsetMinutes * 60_000);
}

/** One line or colour of a chart. A value is null where nobody knows it. `rest` stands for all that have none of their own. */
export type Group = { name: string; rest: boolean; values: (number | null)[] };

/** What a number of a chart is read from, and what it is where there were no calls. */
export type Measure = { read: (numbers: UsageNumbers) => number | null; none: number | null };

/** Groups that are told apart by colour; the others are one. */
const MOST_GROUPS = 5;

/**
 * The values of each group in each bucket, the group with the most calls first. Where a bucket has no calls the value is
 * `none` of the measure; where calls told nothing it is null. Only sums can be put together as "others": where `summed` is
 * false the small groups are left to the table.
 */
export function groupsOf(
  buckets: readonly number[],
  points: readonly UsagePoint[],
  totals: readonly UsageTotal[],
  measure: Measure,
  summed: boolean,
): Group[] {
  const ordered = totals.toSorted((a, b) => b.calls - a.calls).map(({ group }) => group);
  const at = new Map(buckets.map((time, index) => [time, index]));
  const valuesOf = (wanted: readonly (string | null)[]): (number | null)[] => {
    const values = buckets.map((): number | null => measure.none);
    const filled = new Set<number>();
    for (const point of points) {
      const index = at.get(Date.parse(point.at));
      if (index === undefined || !wanted.includes(point.group)) continue;
      const value = measure.read(point);
      const held = filled.has(index) ? (values[index] ?? null) : null;
      values[index] = held === null ? value : held + (value ?? 0);
      filled.add(index);
    }
    return values;
  };
  const own = ordered.length > MOST_GROUPS + 1 ? ordered.slice(0, MOST_GROUPS) : ordered;
  const others = ordered.slice(own.length);
  return [
    ...own.map((group): Group => ({ name: group ?? 'not stated', rest: false, values: valuesOf([group]) })),
    ...(summed && others.length > 0 ? [{ name: `${others.length} others`, rest: true, values: valuesOf(others) }] : []),
  ];
}

/** Sums from the bottom up, for columns that stand on each other. What is not known adds nothing; where no group knows, null. */
export function stacked(groups: readonly Group[]): (number | null)[][] {
  const sums: (number | null)[] = [];
  return groups.map(({ values }) =>
    values.map((value, at) => {
      const below = sums[at] ?? null;
      const sum = value === null ? below : (below ?? 0) + value;
      sums[at] = sum;
      return sum;
    }),
  );
}
