import path from 'node:path';
import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient, PurgeScope } from '../../contract/index.ts';
import { readTime, stretchOf } from '../../contract/query.ts';
import { bytes, table, type Output } from './output.ts';

export const CAPTURE_USAGE = `  drawbridge capture [--json]         what the call history takes, and how it is kept
  drawbridge capture pause|resume
  drawbridge capture keep FOLDER whole|metadata|ignore|default
                                      what is kept of calls from a folder
  drawbridge capture limit [--days N|none] [--size MIB|none]
                                      what is older, or more, goes by itself
  drawbridge capture purge --all|--before TIME|--query Q [--dry-run] [--yes]
                                      remove calls with all they said
  drawbridge capture seal on|off      encrypt the history, from the next start
  drawbridge capture check|retain     read it through; apply the limits now`;

export const CAPTURE_OPTIONS = {
  all: { type: 'boolean' },
  before: { type: 'string' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
  size: { type: 'string' },
} as const;

export type CaptureFlags = {
  all?: boolean | undefined;
  before?: string | undefined;
  'dry-run'?: boolean | undefined;
  yes?: boolean | undefined;
  size?: string | undefined;
  days?: string | undefined;
};

type Shown = { json: boolean; output: Output; query: string | undefined; flags: CaptureFlags };

/** `drawbridge capture ...`. Returns the exit code. */
export async function capture(client: EngineClient, [action, ...rest]: readonly string[], shown: Shown): Promise<number> {
  const { json, output } = shown;
  const say = (value: unknown, text: string): number => {
    output.out(json ? JSON.stringify(value) : text);
    return 0;
  };
  switch (action) {
    case undefined:
      return overview(client, shown);
    case 'pause':
    case 'resume': {
      const status = await client.capture.pause({ paused: action === 'pause' });
      return say(
        status,
        action === 'pause' ? 'Calls go on and are not kept, until "drawbridge capture resume" or the next start.' : 'Calls are kept again.',
      );
    }
    case 'keep':
      return keepFolder(client, rest, say);
    case 'limit':
      return limit(client, shown, say);
    case 'purge':
      return purge(client, shown, say);
    case 'seal': {
      const [wanted] = rest;
      if (wanted !== 'on' && wanted !== 'off') throw new DrawbridgeError('bad_input', 'Say on or off: drawbridge capture seal on');
      await client.settings.update({ patch: { capture: { seal: wanted === 'on' } } });
      return say(
        { seal: wanted === 'on' },
        wanted === 'on'
          ? 'From the next start the call history is encrypted, with a key in your keychain. It can then not be searched for words.'
          : 'From the next start the call history is kept in clear.',
      );
    }
    case 'retain': {
      const removed = await client.capture.retain({});
      return say(removed, `${removed.calls} calls removed, ${bytes(removed.bytesBefore - removed.bytesAfter)} freed.`);
    }
    case 'check': {
      const found = await client.capture.check({});
      if (json) output.out(JSON.stringify(found));
      else output.out(found.ok ? `All is sound: ${found.bodiesRead} bodies read.` : found.problems.join('\n'));
      return found.ok ? 0 : 1;
    }
    default:
      throw new DrawbridgeError('bad_input', `There is no "drawbridge capture ${action}". Run "drawbridge help" for those there are.`);
  }
}

async function overview(client: EngineClient, { json, output }: Shown): Promise<number> {
  const [sizes, { settings }] = await Promise.all([client.capture.sizes({}), client.settings.get({})]);
  const { retention, folders, seal } = settings.capture;
  if (json) output.out(JSON.stringify({ sizes, retention, folders, seal }));
  else
    output.out(
      [
        `${sizes.calls} calls in ${bytes(sizes.diskBytes)}, of ${bytes(sizes.wireBytes)} over the wire${sizes.encrypted ? ', encrypted' : ''}`,
        `from ${sizes.oldest ?? '–'} to ${sizes.newest ?? '–'}`,
        `kept for ${retention.days === null ? 'ever' : `${retention.days} days`}, ${retention.maxBytes === null ? 'without limit' : `up to ${bytes(retention.maxBytes)}`}`,
        ...(sizes.encrypted === seal ? [] : [`from the next start ${seal ? 'encrypted' : 'in clear'}`]),
        '',
        table([['part', 'size'], ...sizes.parts.map(({ part, bytes: size }) => [part, bytes(size)])]),
        ...(folders.length === 0 ? [] : ['', table([['folder', 'keeps'], ...folders.map(({ folder, keep }) => [folder, WORDS[keep]])])]),
      ].join('\n'),
    );
  return 0;
}

type Say = (value: unknown, text: string) => number;
const WORDS = { keep: 'whole', metadata: 'metadata', ignore: 'ignore' } as const;
const KEEPS: Readonly<Record<string, 'keep' | 'metadata' | 'ignore' | null>> = {
  whole: 'keep',
  metadata: 'metadata',
  ignore: 'ignore',
  default: null,
};

async function keepFolder(client: EngineClient, [folder, how]: readonly string[], say: Say): Promise<number> {
  const keep = how === undefined ? undefined : KEEPS[how];
  if (folder === undefined || keep === undefined)
    throw new DrawbridgeError(
      'bad_input',
      'Name a folder and what to keep: drawbridge capture keep ~/private whole|metadata|ignore|default',
    );
  const absolute = folder.startsWith('~') ? folder : path.resolve(folder);
  const { settings } = await client.settings.get({});
  const others = settings.capture.folders.filter((rule) => rule.folder !== absolute);
  const folders = keep === null ? others : [...others, { folder: absolute, keep }];
  await client.settings.update({ patch: { capture: { folders } } });
  return say(
    folders,
    keep === null ? `No rule for ${absolute} any more.` : `Calls from ${absolute}: ${WORDS[keep]}. It holds from the next call.`,
  );
}

async function limit(client: EngineClient, { flags }: Shown, say: Say): Promise<number> {
  const of = (name: string, value: string): number | null => {
    const number = Number(value);
    if (value === 'none') return null;
    if (Number.isInteger(number) && number > 0) return number;
    throw new DrawbridgeError('bad_input', `--${name} takes a whole number above zero, or none, not "${value}".`);
  };
  const size = flags.size === undefined ? undefined : of('size', flags.size);
  const retention = {
    ...(flags.days === undefined ? {} : { days: of('days', flags.days) }),
    ...(size === undefined ? {} : { maxBytes: size === null ? null : size * 1024 * 1024 }),
  };
  if (Object.keys(retention).length === 0) throw new DrawbridgeError('bad_input', 'Give a limit: drawbridge capture limit --days 90');
  const { settings } = await client.settings.update({ patch: { capture: { retention } } });
  const { days, maxBytes } = settings.capture.retention;
  return say(
    settings.capture.retention,
    `Kept for ${days === null ? 'ever' : `${days} days`}, ${maxBytes === null ? 'without limit' : `up to ${bytes(maxBytes)}`}.`,
  );
}

async function purge(client: EngineClient, { query, flags, output }: Shown, say: Say): Promise<number> {
  const scope = scopeOf(query, flags);
  if (flags['dry-run'] !== true && flags.yes !== true) {
    const { calls } = await client.capture.purge({ scope, dryRun: true });
    if (!output.interactive) throw new DrawbridgeError('bad_input', `That removes ${calls} calls for good. Say so with --yes.`);
    if (!(await output.confirm(`Remove ${calls} calls with all they said, for good?`))) return 1;
  }
  const removed = await client.capture.purge({ scope, dryRun: flags['dry-run'] === true });
  const told =
    flags['dry-run'] === true
      ? `${removed.calls} calls would go.`
      : `${removed.calls} calls removed, ${bytes(removed.bytesBefore - removed.bytesAfter)} freed.`;
  return say(removed, [told, ...removed.damaged.map((file) => damagedLine(file, scope, flags))].join('\n'));
}

function damagedLine(file: string, scope: PurgeScope, flags: CaptureFlags): string {
  if (scope.kind !== 'all') return `What they said may still stand in ${file}, a damaged database. It stays; --all removes it.`;
  return `The damaged database ${file} ${flags['dry-run'] === true ? 'would go' : 'went'} with them.`;
}

function scopeOf(query: string | undefined, { all, before }: CaptureFlags): PurgeScope {
  const given = [all === true, before !== undefined, query !== undefined].filter(Boolean);
  if (given.length !== 1) throw new DrawbridgeError('bad_input', 'Say which calls: --all, --before 2026-01-31, or --query "caller:ci".');
  if (query !== undefined) return { kind: 'query', query };
  if (before === undefined) return { kind: 'all' };
  const read = readTime(before);
  const time = new Date(read === undefined ? Number.NaN : stretchOf(read, Date.now()).from);
  if (Number.isNaN(time.getTime()))
    throw new DrawbridgeError(
      'bad_input',
      `--before takes a day (2026-01-31), a minute (2026-01-31T15:09) or how long ago (30d), not "${before}".`,
    );
  return { kind: 'before', time: time.toISOString() };
}
