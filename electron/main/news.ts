import type { Notice } from '../../bridges/contract/index.ts';

/** What was told of each notice: its title, by its id. */
export type Told = ReadonlyMap<string, string>;

/** Notices worth an interruption: a tunnel (down, blocked, back), a sign-in that is needed, a ceiling that is reached. */
const WORTH = /^tunnel-|-(?:account|ceiling)$/;

/**
 * What is new among the engine's notices, and what was told from now on. Good news is told only where the bad was.
 * The engine itself waits until a tunnel was down for a minute. Pure.
 */
export function newsOf(told: Told, notices: readonly Notice[]): { news: Notice[]; told: Told } {
  const worth = notices.filter(({ id }) => WORTH.test(id));
  return {
    news: worth.filter(({ id, level, title }) => told.get(id) !== title && (level !== 'info' || told.has(id))),
    told: new Map(worth.map(({ id, title }) => [id, title])),
  };
}
