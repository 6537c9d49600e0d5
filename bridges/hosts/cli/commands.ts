import { DrawbridgeError } from '../../contract/errors.ts';
import { CALL_OPTIONS } from './call.ts';
import { CAPTURE_OPTIONS } from './capture.ts';
import { PROVIDER_OPTIONS } from './providers.ts';
import { TUNNEL_OPTIONS } from './tunnels.ts';

/** What a command takes: so many words after its name, and these flags beside those that every command takes. */
type Takes = {
  words: number;
  flags?: readonly string[];
  /** Where that depends on the words. */
  flagsOf?: (words: readonly string[]) => readonly string[];
};

const COMMANDS: Readonly<Record<string, Takes>> = {
  start: { words: 0, flags: ['headless', 'no-open', 'companion-port'] },
  open: { words: 0 },
  status: { words: 0 },
  calls: { words: 1, flagsOf: ([id]) => (id === undefined ? ['query', 'limit'] : Object.keys(CALL_OPTIONS)) },
  conversations: { words: 1, flags: ['limit'] },
  usage: { words: 0, flags: ['by', 'days'] },
  tail: { words: 0 },
  keys: { words: 2, flags: ['use'] },
  'read-keys': { words: 2 },
  env: { words: 1 },
  bridges: { words: 2 },
  signin: { words: 1, flags: ['route', 'agree', 'code'] },
  signout: { words: 1 },
  account: { words: 2 },
  scope: { words: 2, flags: ['route', 'agree'] },
  gateway: { words: 2 },
  models: { words: 0 },
  providers: { words: 3, flagsOf: ([action]) => (action === 'add' ? Object.keys(PROVIDER_OPTIONS) : []) },
  proxy: { words: 2, flags: ['user', 'except'] },
  doctor: { words: 1 },
  capture: { words: 3, flags: ['query', 'days', ...Object.keys(CAPTURE_OPTIONS)] },
  attach: { words: 1, flagsOf: ([client]) => (client === undefined ? [] : ['model']) },
  detach: { words: 1 },
  hook: { words: 2 },
  tunnels: { words: 2, flags: Object.keys(TUNNEL_OPTIONS) },
  export: { words: 0, flags: ['format', 'query', 'conversation', 'no-bodies', 'output'] },
  import: { words: 1 },
  replay: { words: 1, flags: ['model', 'upstream', 'edit', 'credential', 'offline'] },
  compare: { words: 2 },
  telemetry: { words: 2, flags: ['header'] },
  webhook: { words: 1 },
  'check-stream': { words: 1, flags: ['format'] },
  stop: { words: 0 },
};

/**
 * Checks that a command is one, and takes what it was given: what it would not look at is refused, not passed over.
 * `flags` are the names of those given. Throws DrawbridgeError `bad_input`.
 */
export function checkCommand(command: string, words: readonly string[], flags: readonly string[]): void {
  const takes = isCommand(command) ? COMMANDS[command] : undefined;
  if (takes === undefined) throw noCommand(command);
  const taken = takes.flagsOf?.(words) ?? takes.flags ?? [];
  const flag = flags.find((name) => name !== 'json' && !taken.includes(name));
  const extra = flag === undefined ? words[takes.words] : `--${flag}`;
  if (extra !== undefined)
    throw new DrawbridgeError(
      'bad_input',
      `"drawbridge ${command}" does not take "${extra}". Run "drawbridge help ${command}" for what it takes.`,
    );
}

export const isCommand = (word: string): boolean => Object.hasOwn(COMMANDS, word);

export function noCommand(word: string): DrawbridgeError {
  return new DrawbridgeError('bad_input', `There is no command "${word}". Run "drawbridge help" for those there are.`);
}
