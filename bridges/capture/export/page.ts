import { createHash } from 'node:crypto';
import type { AssembledPart, Conversation, ConversationNode } from '../../contract/index.ts';

/**
 * A conversation as one page of HTML that needs nothing else: no script, no picture, nothing from a network. Everything
 * that was said is text, escaped, whatever it looks like.
 */

const STYLE = `
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
header p,.about{color:GrayText;margin:.2rem 0}
article{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:1rem 0}
h2{font-size:1rem;margin:0}
section{margin:.8rem 0}
h3{font-size:.8rem;margin:0;color:GrayText}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0;font:inherit}
.tool_call pre,.tool_result pre,.other pre{font:13px/1.45 ui-monospace,monospace}
.reasoning pre{font-style:italic}
`;

/** The style's hash is all the page may use; there is nothing that could be loaded or run. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** `more`: there are calls behind those that are shown. */
export function pageHead(conversation: Conversation, { shown, more }: { shown: number; more: boolean }): string {
  const title = escapeHtml(conversation.title ?? 'Conversation');
  const calls = more ? `the first ${shown} of ${conversation.calls} calls` : `${shown} calls`;
  const facts = [conversation.client, conversation.model, conversation.startedAt, calls, conversation.cwd];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${facts
    .filter((fact) => fact !== null)
    .map(escapeHtml)
    .join(' · ')}</p>
<p>Written by Drawbridge. Credentials in headers were taken out when the calls were kept; what was said stands as it was said.</p>
</header>
<main>
`;
}

export const PAGE_TAIL = '</main>\n</body>\n</html>\n';

/** One call: what was new in its request, and its answer. */
export function pageCall(node: ConversationNode, parts: readonly AssembledPart[]): string {
  const about = [
    node.line,
    node.kind,
    node.model,
    node.upstream,
    node.status === null ? null : `status ${node.status}`,
    node.state === 'cut' ? 'cut' : null,
    node.durationMs === null ? null : `${Math.round(node.durationMs)} ms`,
    node.tokens.inputGross === null ? null : `${node.tokens.inputGross} tokens in`,
    node.tokens.output === null ? null : `${node.tokens.output} tokens out`,
  ];
  const lines = about.filter((fact) => fact !== null).map(escapeHtml);
  return `<article id="call-${node.call}">
<h2>${escapeHtml(node.startedAt)}</h2>
<p class="about">${lines.join(' · ')}</p>
${parts.map(partOf).join('')}</article>
`;
}

function partOf(part: AssembledPart): string {
  const head = [part.role, part.kind === 'text' ? null : part.kind.replace('_', ' '), part.name].filter((one) => one !== null);
  return `<section class="${part.kind}">
<h3>${head.map(escapeHtml).join(' · ')}</h3>
<pre>${escapeHtml(part.text)}</pre>
</section>
`;
}

/** Text as it may stand in an element or an attribute. Control characters can't stand in HTML at all. */
export function escapeHtml(text: string): string {
  // eslint-disable-next-line no-control-regex -- these characters are what is looked for
  return text.replace(/[&<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, (one) => ESCAPES[one] ?? '\ufffd');
}
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** What of a request was not said in the call before: each part as often as it is new. */
export class Said {
  readonly #counts = new Map<number, Map<string, number>>();

  /** The parts of a call that are new against its parent, its reply included; the call is remembered for those after it. */
  add(
    node: Pick<ConversationNode, 'call' | 'parent'>,
    request: readonly AssembledPart[],
    reply: readonly AssembledPart[],
  ): AssembledPart[] {
    const before = node.parent === null ? undefined : this.#counts.get(node.parent);
    const now = new Map<string, number>();
    const fresh = request.filter((part) => {
      const key = keyOf(part);
      const count = (now.get(key) ?? 0) + 1;
      now.set(key, count);
      return count > (before?.get(key) ?? 0);
    });
    for (const part of reply) now.set(keyOf(part), (now.get(keyOf(part)) ?? 0) + 1);
    this.#counts.set(node.call, now);
    return [...fresh, ...reply];
  }

  /** No call after this one follows it. */
  forget(call: number): void {
    this.#counts.delete(call);
  }
}

function keyOf(part: AssembledPart): string {
  return createHash('sha256')
    .update(`${part.role}\n${part.kind}\n${part.name ?? ''}\n${part.text}`)
    .digest('base64url');
}
