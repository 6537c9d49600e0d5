import { isObject } from './json.ts';
import { offeredIn } from './tools.ts';
import type { JsonValue, Part, ToolDefinition, TurnItem, TurnRequest } from './turn.ts';

/** Tokens of a text from one character to another. */
export type Measure = (text: string, from: number, to: number) => number;

/**
 * A local estimate of how many tokens a prompt has, for clients that ask before they compact. It must be labelled as
 * an estimate: the model's own tokenizer may be another one, and what a provider adds of its own is guessed. It errs
 * upwards, so that compaction never comes too late (docs/decisions/0007-token-estimate.md).
 */
export function estimateTokens(turn: TurnRequest, measure: Measure): number {
  const prompt = new PromptSize(measure);
  for (const item of turn.items) prompt.addItem(item);
  for (const tool of turn.tools.filter(offeredIn(turn))) prompt.addTool(tool);
  if (turn.output?.type === 'json_schema') prompt.addJson(turn.output.schema);
  return prompt.tokens();
}

/** Claude's tokenizers make up to a fifth more of the same text than those of OpenAI, which both measures are after. */
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
const SCAN_LIMIT = 1_000_000;
const SAMPLE = 4096;
/** A longer JSON string without a blank in its first half thousand characters is bytes, not words. */
const LONGEST_WORD = 512;

class PromptSize {
  readonly #measure: Measure;
  readonly #texts: string[] = [];
  #characters = 0;
  #fixed = 0;
  #hasTools = false;

  constructor(measure: Measure) {
    this.#measure = measure;
  }

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
        text += this.#sampled(each, share);
        continue;
      }
      short += each.length;
      if (shortLooked > short * share) continue;
      shortLooked += each.length;
      shortTokens += this.#measure(each, 0, each.length);
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

  /** Looks at equal windows spread over the text, `share` of it in all. */
  #sampled(text: string, share: number): number {
    const windows = Math.ceil((text.length * share) / SAMPLE);
    const stride = (text.length - SAMPLE) / Math.max(1, windows - 1);
    let tokens = 0;
    for (let i = 0; i < windows; i++) {
      const from = Math.floor(i * stride);
      tokens += this.#measure(text, from, from + SAMPLE);
    }
    return (tokens / (windows * SAMPLE)) * text.length;
  }
}
