import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import type { Settings } from '../../../bridges/contract/index.ts';
import { toast } from '../components/toasts.tsx';
import { client } from '../host.ts';
import { engine, queryClient } from './engine.ts';

/** Part of the settings, in their own shape. */
export type SettingsPatch = { [Section in keyof Settings]?: PatchOf<Settings[Section]> };
type PatchOf<T> = T extends readonly unknown[] ? T : T extends object ? { [Key in keyof T]?: PatchOf<T[Key]> } : T;

/** Saves part of the settings, says so, and offers the way back. */
export function useSaveSettings(title: string): UseMutationResult<unknown, Error, SettingsPatch> {
  return useMutation({
    mutationFn: async (patch: SettingsPatch) => {
      const before = await client.settings.get();
      const { settings } = await client.settings.update({ patch });
      const back = inverseOf(patch, before.settings);
      if (JSON.stringify(back) === JSON.stringify(inverseOf(patch, settings))) return;
      toast({ title, undo: () => client.settings.update({ patch: back }) });
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: engine.settings.key() }),
  });
}

/** The patch that puts back what `patch` would change: the same keys, with the values they have now. */
export function inverseOf(patch: object, now: object): Record<string, unknown> {
  const held = new Map<string, unknown>(Object.entries(now));
  return Object.fromEntries(
    Object.entries(patch).map(([key, value]: [string, unknown]) => {
      const before = held.get(key);
      return [key, isPlain(value) && isPlain(before) ? inverseOf(value, before) : before];
    }),
  );
}

/** Where two settings differ, by the path of the key. Lists are compared whole. */
export function differencesOf(from: object, to: object, path = ''): { key: string; from: unknown; to: unknown }[] {
  const before = new Map<string, unknown>(Object.entries(from));
  return Object.entries(to).flatMap(([name, value]: [string, unknown]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const held = before.get(name);
    if (isPlain(value) && isPlain(held)) return differencesOf(held, value, key);
    return JSON.stringify(held) === JSON.stringify(value) ? [] : [{ key, from: held, to: value }];
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
