import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import type { Settings } from '../../../bridges/contract/index.ts';
import { toast } from '../components/toasts.tsx';
import { client } from '../host.ts';
import { engine, queryClient } from './engine.ts';
import { inverseOf } from './patch.ts';

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
