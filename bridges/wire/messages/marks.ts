/** Marks (in `extra`) of items and parts that another codec skips and this one renders back in their place. */
export const MARKS = {
  /** A text part that Claude Code puts first among its system texts; it changes per build and tells a model nothing. */
  billing: 'billingHeader',
  /** A system message at the very start of `messages`, which would else look like the `system` field. */
  inline: 'inline',
  /** Unknown fields of a whole message, kept on its first item where that is no message. */
  message: 'message',
} as const;
