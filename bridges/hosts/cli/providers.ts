import { DrawbridgeError } from '../../contract/errors.ts';
import type { EngineClient, ProvidersStatus, WireFormat } from '../../contract/index.ts';
import { table, type Output } from './output.ts';

export const PROVIDER_OPTIONS = {
  wires: { type: 'string' },
  'messages-url': { type: 'string' },
  auth: { type: 'string' },
  'key-header': { type: 'string' },
  models: { type: 'string' },
  label: { type: 'string' },
  priority: { type: 'string' },
} as const;

export const PROVIDER_USAGE = `  drawbridge providers [--json]       providers of your own, which NAME/MODEL leads to
  drawbridge providers known [--json]
                                      those that can be added by their name alone
  drawbridge providers add NAME [URL] [--wires chat,responses,messages] [--messages-url URL]
                 [--auth key|client|none] [--key-header authorization|x-api-key|api-key]
                 [--models 'qwen*,glm-5'] [--label L] [--priority N] [--json]
                                      or change one; the key is asked for, or read from stdin
  drawbridge providers try NAME [--json]
                                      asks it for its models
  drawbridge providers remove NAME [--json]`;

export type ProviderFlags = {
  wires?: string | undefined;
  'messages-url'?: string | undefined;
  auth?: string | undefined;
  'key-header'?: string | undefined;
  models?: string | undefined;
  label?: string | undefined;
  priority?: string | undefined;
};

/** `drawbridge providers`. A key comes from the terminal or stdin, never from the arguments. */
export async function providers(
  client: EngineClient,
  [action = 'list', name, baseUrl]: readonly string[],
  { json, output, flags }: { json: boolean; output: Output; flags: ProviderFlags },
): Promise<number> {
  switch (action) {
    case 'list': {
      const status = await client.providers.list({});
      output.out(json ? JSON.stringify(status) : listOf(status));
      return 0;
    }
    case 'known': {
      const known = await client.providers.presets({});
      const rows = known.map((one) => [one.name, one.label, one.baseUrl, one.wires.join(', '), one.from]);
      output.out(json ? JSON.stringify(known) : table([['name', 'label', 'address', 'speaks', 'from'], ...rows]));
      return 0;
    }
    case 'add': {
      const wanted = { name: needed(name, action), ...(baseUrl === undefined ? {} : { baseUrl }), ...wantedOf(flags) };
      const { providers: there } = await client.providers.list({});
      const known = [...there, ...(await client.providers.presets({}))].find((one) => one.name === wanted.name);
      const wantsKey = (wanted.credential ?? known?.credential ?? 'key') === 'key';
      // A preset may be an adapter's: whoever gives a key sees where it goes.
      const hint = there.some((one) => one.name === wanted.name && one.hasKey) ? ' (empty keeps the one held)' : '';
      const question = `Key of ${wanted.name}, for ${baseUrl ?? known?.baseUrl ?? 'it'}${hint}: `;
      const key = wantsKey ? (await output.secret(question)).trim() : '';
      const status = await client.providers.set({ provider: wanted, ...(key === '' ? {} : { key }) });
      output.out(json ? JSON.stringify(status) : addedOf(status, wanted.name));
      return 0;
    }
    case 'try': {
      const trial = await client.providers.try({ provider: { name: needed(name, action) } });
      output.out(json ? JSON.stringify(trial) : [trial.found, ...trial.models.map((model) => `  ${name}/${model}`)].join('\n'));
      return trial.taken ? 0 : 1;
    }
    case 'remove': {
      const status = await client.providers.remove({ name: needed(name, action) });
      output.out(json ? JSON.stringify(status) : `${name} is taken out, with its key.`);
      return 0;
    }
    default:
      throw new DrawbridgeError('bad_input', `There is no "drawbridge providers ${action}". Use list, known, add, try or remove.`);
  }
}

function needed(name: string | undefined, action: string): string {
  if (name !== undefined) return name;
  throw new DrawbridgeError('bad_input', `Name the provider: drawbridge providers ${action} NAME`);
}

/** What the flags say; the engine checks the rest. Throws bad_input. */
function wantedOf(flags: ProviderFlags) {
  const { auth, label } = flags;
  const header = flags['key-header'];
  const messagesUrl = flags['messages-url'];
  return {
    ...(flags.wires === undefined ? {} : { wires: entriesOf(flags.wires).map(wireOf) }),
    ...(messagesUrl === undefined ? {} : { messagesUrl: messagesUrl === '' ? null : messagesUrl }),
    ...(auth === undefined ? {} : { credential: oneOf('auth', auth, ['key', 'client', 'none']) }),
    ...(header === undefined ? {} : { keyHeader: oneOf('key-header', header, ['authorization', 'x-api-key', 'api-key']) }),
    ...(flags.models === undefined ? {} : { models: entriesOf(flags.models) }),
    ...(label === undefined ? {} : { label }),
    ...(flags.priority === undefined ? {} : { priority: Number(flags.priority) }),
  };
}

const wireOf = (wire: string): WireFormat => oneOf('wires', wire, ['chat', 'responses', 'messages']);

function entriesOf(list: string): string[] {
  return list.split(/[\s,]+/).filter((entry) => entry !== '');
}

function oneOf<Word extends string>(flag: string, given: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new DrawbridgeError('bad_input', `--${flag} takes ${words.join(', ')}, not "${given}".`);
}

function listOf({ providers: all, overlaps }: ProvidersStatus): string {
  if (all.length === 0)
    return 'No providers of your own. Add one with: drawbridge providers add NAME. Those that need no more than a name: drawbridge providers known';
  const rows = all.map((one) => [
    one.name,
    one.baseUrl,
    one.wires.join(', '),
    KEYS[one.credential],
    one.models.join(', ') || '-',
    one.problem ?? 'ready',
  ]);
  return [table([['name', 'address', 'speaks', 'credential', 'also serves', 'about'], ...rows]), ...overlaps].join('\n');
}

const KEYS = { key: 'its key', client: 'the client’s', none: 'none' } as const;

function addedOf({ providers: all, lasting }: ProvidersStatus, name: string): string {
  const added = all.find((one) => one.name === name);
  const kept = lasting ? 'Its key is in the keychain.' : 'There is no keychain here, so its key is kept for this session only.';
  const about = added?.problem ?? (added?.hasKey === true ? kept : '');
  return `${added?.label ?? name} is set up. Its models are called ${name}/MODEL. ${about}`.trimEnd();
}
