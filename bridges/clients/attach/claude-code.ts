import { hash } from 'node:crypto';
import { DrawbridgeError } from '../../contract/errors.ts';
import { asObject, asString } from '../../wire/json.ts';
import type { JsonObject } from '../../wire/turn.ts';
import { claudeVariables } from '../env.ts';

/** A variable that was put into the settings: what stood there before, and the SHA-256 (hex) of what stands there now. */
export type Put = { name: string; before: string | null; hash: string };

type Variable = { name: string; value: string };

/** Where calls go, and with whose credential. What stands in these is never overwritten: it belongs together. */
const BASE_URL = 'ANTHROPIC_BASE_URL';
const TOKEN = 'ANTHROPIC_AUTH_TOKEN';
const KEY_IN_PATH = /^http:\/\/127\.0\.0\.1:\d+\/k\/db_/;
/** Where that address waits while nobody listens there: nothing reads this name. */
const PARKED = 'DRAWBRIDGE_BASE_URL';
/** All that is ever put in with a key of ours. */
const OURS = claudeVariables('', '').map(({ name }) => name);
/** With one of these it asks no address that we could give it. */
const ELSEWHERE = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY'];

/**
 * Claude Code's settings with these variables in their `env` (SPEC section 8.6). `was`: what was put in before, which is taken out
 * first. Throws DrawbridgeError `failed` where the settings lead elsewhere, or hold a credential that would go to us. Pure.
 */
export function withVariables(
  settings: JsonObject,
  variables: readonly Variable[],
  was: readonly Put[],
): { settings: JsonObject; put: Put[] } {
  const clean = withoutLeftovers(withoutVariables(settings, was).settings);
  const env = envOf(clean);
  const bringsToken = variables.some(({ name }) => name === TOKEN);
  const elsewhere = ELSEWHERE.find((name) => isOn(env[name]));
  if (elsewhere !== undefined) throw refused(`say ${elsewhere}, so Claude Code asks no other address`);
  if (env[BASE_URL] !== undefined) throw refused(`name an address of your own already (${BASE_URL})`);
  const credential = ['ANTHROPIC_API_KEY', TOKEN].find((name) => env[name] !== undefined);
  if (bringsToken && credential !== undefined) throw refused(`hold a credential of your own (${credential})`);
  if (bringsToken && clean['apiKeyHelper'] !== undefined) throw refused('have a helper that gives it a credential (apiKeyHelper)');
  const put = variables.map(({ name, value }): Put => ({ name, before: asString(env[name]) ?? null, hash: hash('sha256', value) }));
  const values = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  return { settings: withEnv(clean, { ...env, ...values }), put };
}

/** The settings without what is ours by the look of it: a state folder that told more may be gone. Pure. */
export function withoutLeftovers(settings: JsonObject): JsonObject {
  const env = envOf(settings);
  const hasKey = (name: string): boolean => KEY_IN_PATH.test(asString(env[name]) ?? '');
  const leftover = (asString(env[TOKEN]) ?? '').startsWith('db_') ? OURS : [BASE_URL, PARKED].filter(hasKey);
  if (leftover.length === 0) return settings;
  return withEnv(settings, Object.fromEntries(Object.entries(env).filter(([name]) => !leftover.includes(name))));
}

/** The settings without what was put in, and with what stood there before; `left` names what is another now, and stays. Pure. */
export function withoutVariables(given: JsonObject, was: readonly Put[]): { settings: JsonObject; left: string[] } {
  const settings = unparked(given, was);
  const env = envOf(settings);
  const left: string[] = [];
  const kept = Object.entries(env).flatMap(([name, value]) => {
    const put = was.find((one) => one.name === name);
    if (put === undefined) return [[name, value] as const];
    if (!isThat(value, put)) {
      left.push(name);
      return [[name, value] as const];
    }
    return put.before === null ? [] : [[name, put.before] as const];
  });
  return { settings: was.length === 0 ? settings : withEnv(settings, Object.fromEntries(kept)), left };
}

/**
 * The settings of a client that keeps its own account, while nobody listens: its address is put aside, so that its calls go where
 * they went before. Pure.
 */
export function parked(settings: JsonObject, was: readonly Put[]): JsonObject {
  return isOwnAccount(was) ? renamed(settings, was, BASE_URL, PARKED) : settings;
}

/** The same settings once somebody listens again. Pure. */
export function unparked(settings: JsonObject, was: readonly Put[]): JsonObject {
  return BASE_URL in envOf(settings) ? settings : renamed(settings, was, PARKED, BASE_URL);
}

/** With a model of ours a client must not fall back on its own account: nobody asked for that. */
const isOwnAccount = (was: readonly Put[]): boolean => was.every(({ name }) => name === BASE_URL);

function renamed(settings: JsonObject, was: readonly Put[], from: string, to: string): JsonObject {
  const env = envOf(settings);
  const put = was.find(({ name }) => name === BASE_URL);
  if (put === undefined || !isThat(env[from], put)) return settings;
  return withEnv(settings, Object.fromEntries(Object.entries(env).map(([name, value]) => [name === from ? to : name, value])));
}

/** Names of what was put in and is another now, or gone. Pure. */
export function changedSince(settings: JsonObject, was: readonly Put[]): string[] {
  const env = envOf(unparked(settings, was));
  return was.filter((put) => !isThat(env[put.name], put)).map(({ name }) => name);
}

/** The same settings where the companion listens now, here or elsewhere. Pure. */
export function movedTo(given: JsonObject, was: readonly Put[], from: string, to: string): { settings: JsonObject; put: Put[] } {
  const settings = unparked(given, was);
  const env = envOf(settings);
  const put = was.find(({ name }) => name === BASE_URL);
  const url = asString(env[BASE_URL]);
  if (put === undefined || url === undefined || !isThat(url, put) || !url.startsWith(from)) return { settings, put: [...was] };
  const next = to + url.slice(from.length);
  return {
    settings: withEnv(settings, { ...env, [BASE_URL]: next }),
    put: was.map((one) => (one === put ? { ...put, hash: hash('sha256', next) } : one)),
  };
}

function envOf(settings: JsonObject): JsonObject {
  const { env } = settings;
  if (env === undefined) return {};
  const found = asObject(env);
  if (found !== undefined) return found;
  throw new DrawbridgeError(
    'failed',
    'The variables in Claude Code’s settings (env) have a form that is not known here. Nothing was changed.',
  );
}

/** What else there is keeps its place; an `env` that has become empty goes. */
function withEnv(settings: JsonObject, env: JsonObject): JsonObject {
  const { env: _env, ...others } = settings;
  if (Object.keys(env).length === 0) return others;
  return 'env' in settings ? { ...settings, env } : { ...others, env };
}

function isThat(value: unknown, put: Put): boolean {
  return typeof value === 'string' && hash('sha256', value) === put.hash;
}

function isOn(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false' && value !== false;
}

function refused(why: string): DrawbridgeError {
  return new DrawbridgeError('failed', `Claude Code’s settings ${why}. Take it out first, then attach; nothing was changed.`);
}
