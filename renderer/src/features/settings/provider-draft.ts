import type { EngineClient, Provider, ProviderPreset, ProviderStatus, WireFormat } from '../../../../bridges/contract/index.ts';

export const WIRES: readonly { wire: WireFormat; label: string }[] = [
  { wire: 'chat', label: 'Chat Completions' },
  { wire: 'responses', label: 'Responses' },
  { wire: 'messages', label: 'Messages' },
];

/** A provider as it is typed. */
export type Draft = {
  name: string;
  label: string;
  baseUrl: string;
  messagesUrl: string;
  wires: WireFormat[];
  credential: Provider['credential'];
  keyHeader: Provider['keyHeader'];
  models: string;
  key: string;
};

export type Wanted = Parameters<EngineClient['providers']['set']>[0];

export const EMPTY: Draft = {
  name: '',
  label: '',
  baseUrl: '',
  messagesUrl: '',
  wires: ['chat'],
  credential: 'key',
  keyHeader: 'authorization',
  models: '',
  key: '',
};

/** What is known of a provider, to be changed. Pure. */
export function draftOf(known: ProviderPreset | ProviderStatus): Draft {
  const { name, label, baseUrl, messagesUrl, wires, credential, keyHeader, models } = known;
  return {
    name,
    label: label === name ? '' : label,
    baseUrl,
    messagesUrl: messagesUrl ?? '',
    wires: [...wires],
    credential,
    keyHeader,
    models: models.join(', '),
    key: '',
  };
}

/** With a wire format that it speaks, or without one it does not. In the order they are chosen: calls are translated to the first. Pure. */
export function withWire(draft: Draft, wire: WireFormat, speaks: boolean): Draft {
  const others = draft.wires.filter((one) => one !== wire);
  return { ...draft, wires: speaks ? [...others, wire] : others };
}

/** What the engine is to be told; undefined where something is still missing. Pure. */
export function wantedOf(draft: Draft): Wanted | undefined {
  const name = draft.name.trim();
  const baseUrl = draft.baseUrl.trim();
  const messagesUrl = draft.messagesUrl.trim();
  const label = draft.label.trim();
  const key = draft.key.trim();
  if (name === '' || baseUrl === '' || draft.wires.length === 0) return undefined;
  const { wires, credential, keyHeader } = draft;
  return {
    provider: {
      name,
      label: label === '' ? name : label,
      baseUrl,
      messagesUrl: messagesUrl === '' || !wires.includes('messages') ? null : messagesUrl,
      wires,
      credential,
      keyHeader,
      models: draft.models.split(/[\s,]+/).filter((entry) => entry !== ''),
    },
    ...(credential === 'key' && key !== '' ? { key } : {}),
  };
}
