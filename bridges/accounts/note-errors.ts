import { plainText, redactText } from '../engine/redact.ts';
import type { ReplySink, UpstreamFailure } from '../upstreams/upstream.ts';
import { asObject, asString } from '../wire/json.ts';
import type { JsonValue } from '../wire/turn.ts';

/** More of an error reply says nothing more. */
const MAX_BYTES = 64 * 1024;

/** A reply on its way back, untouched; what went wrong with it is told as one sentence without secrets, or that nothing did. */
export function noteErrors(sink: ReplySink, note: (sentence: string) => void, answered: () => void): ReplySink {
  let status = 0;
  let size = 0;
  const chunks: Buffer[] = [];
  return {
    start(told, headers) {
      status = told;
      sink.start(told, headers);
    },
    data(chunk, last) {
      if (status >= 400 && size < MAX_BYTES) {
        size += chunk.length;
        chunks.push(chunk);
      }
      return sink.data(chunk, last);
    },
    end() {
      if (status >= 400) note(errorSentence(`${status}: ${messageOf(Buffer.concat(chunks).toString('utf8'))}`));
      else answered();
      sink.end();
    },
    fail(failure: UpstreamFailure) {
      note(errorSentence(failure.message));
      sink.fail(failure);
    },
  };
}

/** A provider's words as they may be shown: one line, no secrets. */
export function errorSentence(text: string): string {
  return plainText(redactText(text)).slice(0, 300);
}

function messageOf(body: string): string {
  try {
    const parsed: JsonValue = JSON.parse(body);
    const outer = asObject(parsed);
    return asString(asObject(outer?.error)?.message) ?? asString(outer?.message) ?? 'an error without a message';
  } catch {
    return body.trim() === '' ? 'an error without a message' : body;
  }
}
