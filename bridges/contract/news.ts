import type { Notice, Settings } from './index.ts';

/** What was told of each notice: its title, by its id. */
export type Told = ReadonlyMap<string, string>;

/** What the owner wants to be interrupted for. */
export type Wanted = Settings['notifications'];

/**
 * What is new among the engine's notices, and what was told from now on. Good news is told only where the bad was; what
 * is not wanted is no news later either, once it is wanted again. The engine itself waits until a tunnel was down for a
 * minute. Pure.
 */
export function newsOf(told: Told, notices: readonly Notice[], wanted: Wanted): { news: Notice[]; told: Told } {
  const worth = notices.flatMap((notice) => {
    const kind = kindOf(notice.id);
    return kind === null ? [] : [{ notice, kind }];
  });
  const isNew = ({ id, level, title }: Notice): boolean => told.get(id) !== title && (level !== 'info' || told.has(id));
  return {
    news: worth.flatMap(({ notice, kind }) => (wanted[kind] && isNew(notice) ? [notice] : [])),
    told: new Map(worth.map(({ notice: { id, title } }) => [id, title])),
  };
}

/** What a notice is about, where that is worth an interruption: a tunnel (down, blocked, back), a sign-in, a ceiling. */
function kindOf(id: string): keyof Wanted | null {
  if (id.startsWith('tunnel-')) return 'tunnels';
  if (id.endsWith('-account')) return 'signIns';
  return id.endsWith('-ceiling') ? 'ceilings' : null;
}
