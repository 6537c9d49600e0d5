import { isObject } from './json.ts';
import type { JsonValue, Part, ToolDefinition, TurnItem, TurnRequest } from './turn.ts';

/**
 * A local estimate of how many tokens a prompt has, for clients that ask before they compact. It is no tokenizer's
 * count and must be labelled as an estimate. It errs upwards, so that compaction never comes too late.
 *
 * Text is counted by runs of characters of one class, with weights fitted to o200k_base over prose, code, JSON, logs and
 * a dozen languages (most within 15 %). Why it is no tokenizer's count is told in docs/decisions/0007-token-estimate.md.
 */
export function estimateTokens(turn: TurnRequest): number {
  const prompt = new PromptSize();
  for (const item of turn.items) prompt.addItem(item);
  for (const tool of turn.tools) prompt.addTool(tool);
  if (turn.output?.type === 'json_schema') prompt.addJson(turn.output.schema);
  return prompt.tokens();
}

/** Claude's tokenizers make up to a fifth more of the same text than those of OpenAI, after which the weights are fitted. */
const SAFETY = 1.2;
const PER_MESSAGE = 4;
const PER_TOOL = 12;
/** What providers tell the model about tools as such, once a request offers any. */
const TOOLS_PREAMBLE = 350;
/** The most that Anthropic counts for an image; OpenAI's high detail is about the same. */
const PER_IMAGE = 1600;
/** A document page is text and image; inline PDF pages are seldom larger than this many base64 characters. */
const PER_DOCUMENT = 3000;
const BASE64_PER_PAGE = 70_000;
/** Characters looked at per request. What is beyond that is extrapolated from samples all over the text. */
const SCAN_LIMIT = 1_500_000;
const SAMPLE = 4096;
/** A longer JSON string without a blank in its first half thousand characters is bytes, not words. */
const LONGEST_WORD = 512;

class PromptSize {
  readonly #texts: string[] = [];
  #characters = 0;
  #fixed = 0;
  #hasTools = false;

  addItem(item: TurnItem): void {
    this.#fixed += PER_MESSAGE;
    switch (item.type) {
      case 'message':
      case 'tool_result':
        for (const part of item.content) this.#addPart(part);
        break;
      case 'tool_call':
        this.#addText(item.name);
        this.#addText(item.input);
        break;
      case 'reasoning':
        for (const text of item.content ?? item.summary) this.#addText(text);
        break;
      case 'opaque':
        this.addJson(item.value);
        break;
    }
  }

  addTool(tool: ToolDefinition): void {
    if (tool.type !== 'hosted' && tool.deferred === true) return;
    if (!this.#hasTools) this.#fixed += TOOLS_PREAMBLE;
    this.#hasTools = true;
    this.#fixed += PER_TOOL;
    this.#addText(tool.name);
    if (tool.type === 'hosted') {
      this.addJson(tool.value);
      return;
    }
    if (tool.description !== undefined) this.#addText(tool.description);
    this.addJson(tool.type === 'function' ? tool.parameters : tool.format);
  }

  addJson(value: JsonValue | undefined): void {
    if (typeof value === 'string') {
      if (value.length > LONGEST_WORD && !value.slice(0, LONGEST_WORD).includes(' ')) this.#fixed += PER_IMAGE;
      else this.#addText(value);
    } else if (Array.isArray(value)) for (const each of value) this.addJson(each);
    else if (isObject(value)) {
      for (const [key, each] of Object.entries(value)) {
        this.#fixed += 2;
        this.#addText(key);
        this.addJson(each);
      }
    } else this.#fixed += 1;
  }

  tokens(): number {
    const share = Math.min(1, SCAN_LIMIT / this.#characters);
    let text = 0;
    // Of short texts a share is looked at, of long ones a share of each.
    let short = 0;
    let shortLooked = 0;
    let shortTokens = 0;
    for (const each of this.#texts) {
      if (share < 1 && each.length > SAMPLE) {
        text += sampled(each, share);
        continue;
      }
      short += each.length;
      if (shortLooked > short * share) continue;
      shortLooked += each.length;
      shortTokens += scanned(each, 0, each.length);
    }
    if (shortLooked > 0) text += (shortTokens / shortLooked) * short;
    return Math.ceil(text * SAFETY) + this.#fixed;
  }

  #addPart(part: Part): void {
    switch (part.type) {
      case 'text':
      case 'refusal':
        this.#addText(part.text);
        break;
      case 'tool_reference':
        this.#addText(part.name);
        break;
      case 'image':
        this.#fixed += PER_IMAGE;
        break;
      case 'document':
        if (part.source.kind === 'text') this.#addText(part.source.text);
        else this.#fixed += PER_DOCUMENT * (part.source.kind === 'base64' ? Math.ceil(part.source.data.length / BASE64_PER_PAGE) : 1);
        break;
      case 'opaque':
        this.addJson(part.value);
        break;
    }
  }

  #addText(text: string): void {
    this.#texts.push(text);
    this.#characters += text.length;
  }
}

/** Looks at equal windows spread over the text, `share` of it in all. */
function sampled(text: string, share: number): number {
  const windows = Math.ceil((text.length * share) / SAMPLE);
  const stride = (text.length - SAMPLE) / Math.max(1, windows - 1);
  let tokens = 0;
  for (let i = 0; i < windows; i++) {
    const from = Math.floor(i * stride);
    tokens += scanned(text, from, from + SAMPLE);
  }
  return (tokens / (windows * SAMPLE)) * text.length;
}

const LOWER = 0;
const UPPER = 1;
const DIGIT = 2;
const BLANK = 3;
const BREAK = 4;
const MARK = 5;
const LATIN = 6;
const CYRILLIC = 7;
const ALPHABET = 8;
const SYLLABLE = 9;
const IDEOGRAPH = 10;
const SURROGATE = 11;
const KINDS = 12;

/** Tokens for the first character of a run of one kind, for each further one, and for the same character again. */
const FIRST = [0.84, 1.2, 1.23, 0.02, 1.4, 0.55, 0.3, 0.55, 0.55, 0.5, 0.79, 0.85];
const FURTHER = [0.06, 0.15, 0.3, 0.02, 0.1, 0.4, 0.35, 0.2, 0.3, 0.47, 0.72, 0.72];
const AGAIN = Float64Array.of(0.12, 0.2, 0.3, 0.02, 0.1, 0.04, 0.35, 0.2, 0.3, 0.47, 0.5, 0.72);

/** No vocabulary holds words of more letters whole: what follows is a compound, or no word at all. */
const LONGEST_KNOWN = 12;
const IN_STRANGE_WORD = 0.55;

/** Tokens for a character by its own kind and that of the one before. */
const AFTER = Float64Array.from({ length: KINDS * KINDS }, (_, i) => {
  const before = Math.floor(i / KINDS);
  const kind = i % KINDS;
  // A mark that stands alone is a token, one between letters often is half of one.
  if (before === BLANK && kind === MARK) return 0.85;
  // A capital and the small letters after it are one word.
  return (before === kind || (before === UPPER && kind === LOWER) ? FURTHER[kind] : FIRST[kind]) ?? 0;
});

const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code >= 97 && code <= 122) return LOWER;
  if (code >= 65 && code <= 90) return UPPER;
  if (code >= 48 && code <= 57) return DIGIT;
  if (code === 32 || code === 9) return BLANK;
  return code === 10 || code === 13 ? BREAK : MARK;
});

function scanned(text: string, from: number, to: number): number {
  let tokens = 0;
  let before = 0;
  let last = BLANK;
  let letters = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    const kind = code < 128 ? (ASCII[code] ?? MARK) : beyondAscii(code);
    if (kind > UPPER) letters = 0;
    else letters = kind === UPPER && last === LOWER ? 1 : letters + 1;
    if (code === before) tokens += AGAIN[kind] ?? 0;
    else tokens += letters > LONGEST_KNOWN ? IN_STRANGE_WORD : (AFTER[last * KINDS + kind] ?? 0);
    before = code;
    last = kind;
  }
  return tokens;
}

function beyondAscii(code: number): number {
  if (code < 0x250) return LATIN;
  if (code < 0x530) return CYRILLIC;
  if (code < 0x900) return ALPHABET;
  if (code < 0x2000) return SYLLABLE;
  return code >= 0xd800 && code < 0xe000 ? SURROGATE : IDEOGRAPH;
}
