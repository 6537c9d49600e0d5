import type { TurnError, TurnEvent } from './turn.ts';

/** One of an upstream's events is no JSON object. */
export const UNREADABLE_EVENT: TurnError = { kind: 'upstream_failed', message: 'The upstream sent an event that is not a JSON object.' };

/** A call that nobody can make, because it has no name. */
export const NAMELESS_CALL: TurnError = { kind: 'upstream_failed', message: 'The upstream called a tool without saying which one.' };

/** Something of a reply can't be put into other words. */
export const UNTRANSLATABLE: TurnError = { kind: 'upstream_failed', message: 'The upstream sent a reply that can not be translated.' };

/** The bytes ended, and nothing said that the reply was whole. */
export const CUT: TurnEvent = { type: 'cut', message: 'The upstream closed the stream before it said that the reply was finished.' };
