import type { LucideIcon } from 'lucide-react';
import { useEffect, useRef } from 'react';

/** Something the palette can do. */
export type Command = {
  /** Unique among all commands. */
  id: string;
  /** What it does, as a short order: `Create a client key`. */
  title: string;
  /** Under which heading it is listed. */
  group: string;
  icon?: LucideIcon;
  /** The shortcut that does the same, in the words of `useShortcuts`. */
  keys?: string;
  /** More words under which it is found. */
  words?: string;
  run: () => void;
};

const offered: { current: readonly Command[] }[] = [];

/** Offers commands in the palette while the component is shown. The list may be made anew on each render. */
export function useCommands(commands: readonly Command[]): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  useEffect(() => {
    offered.push(latest);
    return () => void offered.splice(offered.indexOf(latest), 1);
  }, []);
}

/** What can be done now, the open page's commands first. */
export function commandsNow(): Command[] {
  return offered.toReversed().flatMap(({ current }) => current);
}
