import { DrawbridgeError } from '../contract/errors.ts';
import { asArray, asObject, asString } from '../wire/json.ts';
import type { JsonObject, JsonValue } from '../wire/turn.ts';

/**
 * Our hook in the settings of Claude Code (SPEC section 8.6): it tells where a session runs, which requests do not always.
 * It is known again by its command. Whatever else stands in the file stays, in its order.
 */

/** `upgraded`: ours was there in another form, or more than once. `none`: there was nothing to remove. */
export type HookChange = 'added' | 'upgraded' | 'there' | 'removed' | 'none';

const EVENT = 'SessionStart';
const OURS = /(?:^|[\s"'\\/])drawbridge(?:\.mjs|\.cmd|\.exe)?["']?\s+hook\s+claude\s*$/;

/** The same settings with the hook that runs this command, once. Throws DrawbridgeError `failed` where hooks have another shape. Pure. */
export function withHook(settings: JsonObject, command: string): { settings: JsonObject; change: 'added' | 'upgraded' | 'there' } {
  const groups = groupsOf(settings);
  const ours = groups.flatMap((group) => entriesOf(group).filter(isOurs));
  if (ours.length === 1 && asString(asObject(ours[0])?.['command']) === command) return { settings, change: 'there' };
  let isPut = false;
  const kept = rewritten(groups, (entry) => {
    if (isPut) return undefined;
    isPut = true;
    return { ...asObject(entry), type: 'command', command };
  });
  if (!isPut) kept.push({ hooks: [{ type: 'command', command, timeout: 10 }] });
  return { settings: withGroups(settings, kept), change: isPut ? 'upgraded' : 'added' };
}

/** The same settings without it. Throws DrawbridgeError `failed` where hooks have another shape. Pure. */
export function withoutHook(settings: JsonObject): { settings: JsonObject; change: 'removed' | 'none' } {
  const groups = groupsOf(settings);
  if (!groups.some((group) => entriesOf(group).some(isOurs))) return { settings, change: 'none' };
  return {
    settings: withGroups(
      settings,
      rewritten(groups, () => undefined),
    ),
    change: 'removed',
  };
}

function groupsOf(settings: JsonObject): JsonValue[] {
  const hooks = settings['hooks'];
  const groups = hooks === undefined ? undefined : asObject(hooks)?.[EVENT];
  if ((hooks !== undefined && asObject(hooks) === undefined) || (groups !== undefined && asArray(groups) === undefined))
    throw new DrawbridgeError('failed', 'The hooks in these settings have a form that is not known here. Nothing was changed.');
  return asArray(groups) ?? [];
}

const entriesOf = (group: JsonValue): JsonValue[] => asArray(asObject(group)?.['hooks']) ?? [];
const isOurs = (entry: JsonValue): boolean => OURS.test(asString(asObject(entry)?.['command']) ?? '');

/** Groups with what stands for each entry of ours; a group of ours alone that has none left goes. */
function rewritten(groups: readonly JsonValue[], replace: (entry: JsonValue) => JsonObject | undefined): JsonValue[] {
  return groups.flatMap((group): JsonValue[] => {
    const entries = entriesOf(group);
    if (!entries.some(isOurs)) return [group];
    const left = entries.flatMap((entry): JsonValue[] => {
      const next = isOurs(entry) ? replace(entry) : entry;
      return next === undefined ? [] : [next];
    });
    return left.length === 0 ? [] : [{ ...asObject(group), hooks: left }];
  });
}

/** What else there is keeps its place; what has become empty goes. */
function withGroups(settings: JsonObject, groups: JsonValue[]): JsonObject {
  return withField(settings, 'hooks', withField(asObject(settings['hooks']) ?? {}, EVENT, groups));
}

function withField(object: JsonObject, name: string, value: JsonObject | JsonValue[]): JsonObject {
  const isEmpty = Object.keys(value).length === 0;
  const kept = Object.entries(object).filter(([key]) => key !== name || !isEmpty);
  if (!isEmpty && !(name in object)) kept.push([name, value]);
  return Object.fromEntries(kept.map(([key, was]) => [key, key === name ? value : was]));
}
