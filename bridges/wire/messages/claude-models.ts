/** How a Claude model wants to be asked, where models differ and refuse what others take. */
export type ClaudeRules = {
  /** How it is told to think: as much as it sees fit, or so many tokens; or it can't. */
  thinks: 'adaptive' | 'budget' | 'never';
  takesBudget: boolean;
  /**
   * It may begin to think in the middle of tool calls, and before one it is forced to make. Others, and any that think by a
   * budget, must show the thinking that led to the calls, and can't be forced while they think.
   */
  thinksMidway: boolean;
  /** The kind of `thinking` that keeps it from thinking, or `unsaid` where it thinks only when it is told; undefined where nothing does. */
  off: 'disabled' | 'between_tools' | 'unsaid' | undefined;
  /** The most effort that goes with `off`; undefined where any does. */
  offEffort: 'high' | undefined;
  /** What `output_config.effort` may say, least first; none where it is refused. */
  efforts: readonly string[];
  /** It takes a temperature, `top_p` and `top_k`. */
  samples: boolean;
  /** It goes on where a history ends in words of its own. */
  takesPrefill: boolean;
  /** What it thought is bound to all that stood before: where that has changed, the request is refused, or the thinking left out. */
  bindsThinking: boolean;
  /** `tool_choice` can force it to make a call. */
  canBeForced: boolean;
  /** Its answer can be held to a schema (`output_config.format`). */
  takesFormat: boolean;
  /** The most that `max_tokens` may say; undefined where that is not known. */
  mostOutput: number | undefined;
};

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** Of a model that is not known nothing is held back: it may be newer than this table, or no Claude at all. */
const UNKNOWN: ClaudeRules = {
  thinks: 'adaptive',
  takesBudget: true,
  thinksMidway: false,
  off: 'disabled',
  offEffort: undefined,
  efforts: EFFORTS,
  samples: true,
  takesPrefill: true,
  bindsThinking: false,
  canBeForced: true,
  takesFormat: true,
  mostOutput: undefined,
};

/**
 * The rules for a model by its name, however a vendor spells it: `claude-opus-4-5-20251101`, `claude-haiku-4.5`,
 * `claude-3-7-sonnet-latest`, `us.anthropic.claude-sonnet-4-20250514-v1:0`, `claude-opus-41`. Newer versions of a family are
 * taken to be as its newest known. Sources, read on 2026-11-23 at platform.claude.com/docs/en: build-with-claude/extended-thinking,
 * /effort, /structured-outputs, /preserved-thinking/prefix-checks and about-claude/models; "What's new" of Opus 5, Opus 5.5, Sonnet 5.5, Haiku 5.5 and
 * Fable 5.2; the migration guides of 4.6 and 4.7.
 */
export function claudeRules(model: string): ClaudeRules {
  const known = versionOf(model);
  if (known === undefined) return UNKNOWN;
  const { family, version } = known;
  if (version < 406) {
    const efforts = family === 'opus' && version === 405 ? EFFORTS.slice(0, 3) : [];
    const thinks = version < 307 ? 'never' : 'budget';
    return {
      ...UNKNOWN,
      thinks,
      takesBudget: version >= 307,
      off: 'unsaid',
      efforts,
      takesFormat: version >= 405,
      mostOutput: mostOf(family, version),
    };
  }
  if (version < 407) {
    const efforts = EFFORTS.filter((effort) => effort !== 'xhigh');
    return { ...UNKNOWN, thinksMidway: true, off: 'unsaid', efforts, takesPrefill: false, mostOutput: LARGE_OUTPUT };
  }
  const isSince = (first: number, ...families: (string | undefined)[]): boolean => version >= first && families.includes(family);
  return {
    thinks: 'adaptive',
    takesBudget: false,
    thinksMidway: true,
    off: offOf(family, version),
    offEffort: version >= 500 ? 'high' : undefined,
    efforts: EFFORTS,
    samples: false,
    takesPrefill: false,
    bindsThinking: isSince(501, 'fable', 'mythos') || isSince(505, 'opus', 'sonnet', 'haiku'),
    canBeForced: !isSince(501, 'fable', 'mythos') && !isSince(505, 'opus', 'sonnet'),
    takesFormat: true,
    mostOutput: LARGE_OUTPUT,
  };
}

/** What versions from 4.6 on write at most. Tokens. */
const LARGE_OUTPUT = 128_000;

/** The same of those before. */
function mostOf(family: string | undefined, version: number): number {
  if (version < 305) return 4_096;
  if (version < 307) return 8_192;
  return family === 'opus' && version < 405 ? 32_000 : 64_000;
}

function offOf(family: string | undefined, version: number): ClaudeRules['off'] {
  if (family === 'fable' || family === 'mythos' || (family === 'opus' && version >= 505)) return undefined;
  if (family === 'sonnet' && version >= 505) return 'between_tools';
  return version < 500 ? 'unsaid' : 'disabled';
}

const FAMILY = 'opus|sonnet|haiku|fable|mythos';
/** The family stands before the version, or behind it in older names. A date of eight digits is no part of a version. */
const NAME = new RegExp(`claude-(?:(${FAMILY})-)?(\\d{1,2})(?:[-.](\\d{1,2}))?(?!\\d)(?:-(${FAMILY}))?`, 'i');

/** `version`: hundreds of the major version, and the minor one. */
function versionOf(model: string): { family: string | undefined; version: number } | undefined {
  const [, before, major, minor = '0', behind] = NAME.exec(model) ?? [];
  if (major === undefined) return undefined;
  const family = (before ?? behind)?.toLowerCase();
  // GitHub writes 4.1 as 41.
  if (major.length === 2) return { family, version: Number(major[0]) * 100 + Number(major[1]) };
  return { family, version: Number(major) * 100 + Number(minor) };
}
