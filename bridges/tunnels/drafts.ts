import type { TunnelDefinition, TunnelField, TunnelProblem } from '../contract/index.ts';
import { MAX_TUNNELS, TunnelDefinition as Definition, TunnelField as Field } from '../contract/tunnels.ts';
import { KEY_FAULTS, type KeyFault } from './key-file.ts';

/** What a tunnel's definition is held against besides its own shape. */
export type Surroundings = {
  tunnels: readonly TunnelDefinition[];
  offers: readonly string[];
  /** Why a file is of no use as an ssh key; undefined where it is. */
  keyFault(file: string): KeyFault | undefined;
};

/**
 * Checks the fields of a form, or a whole definition: each by itself, so that a person sees at once what is wrong with
 * the one they are at. `editing` is the tunnel they are for; null for a new one.
 */
export function checkDraft(
  draft: Readonly<Record<string, unknown>>,
  editing: string | null,
  around: Surroundings,
): { definition: TunnelDefinition | null; problems: TunnelProblem[] } {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== '' && value !== undefined));
  const parsed = Definition.safeParse(given);
  const problems = new Map<TunnelField, string>();
  const wrong = (field: TunnelField, message: string | undefined): void => {
    if (message !== undefined && !problems.has(field)) problems.set(field, message);
  };
  // What is about no field in particular (a key that is none) is told at the first.
  for (const { path, message } of parsed.error?.issues ?? []) wrong(Field.safeParse(path[0]).data ?? 'name', message);

  const { name, host, farPorts, offer = 'companion', identityFile } = given;
  const others = around.tunnels.filter((tunnel) => tunnel.name !== editing);
  if (editing !== null && name !== editing) wrong('name', 'can’t be changed; add another tunnel in its place');
  if (others.some((tunnel) => tunnel.name === name)) wrong('name', 'is another tunnel’s already');
  if (others.length >= MAX_TUNNELS) wrong('name', `would be one too many: there are ${MAX_TUNNELS} tunnels`);
  if (!around.offers.some((one) => one === offer)) wrong('offer', `must be one of: ${around.offers.join(', ')}`);
  const wanted: readonly unknown[] = Array.isArray(farPorts) ? farPorts : [];
  const rival = others.find((tunnel) => tunnel.host === host && tunnel.farPorts.some((port) => wanted.includes(port)));
  wrong('farPorts', rival && `must not be those of the tunnel "${rival.name}", which leads to the same gateway`);
  if (typeof identityFile === 'string' && !problems.has('identityFile')) {
    const fault = around.keyFault(identityFile);
    wrong('identityFile', fault && KEY_FAULTS[fault]);
  }
  return {
    definition: problems.size === 0 ? (parsed.data ?? null) : null,
    problems: [...problems].map(([field, message]) => ({ field, message })),
  };
}
