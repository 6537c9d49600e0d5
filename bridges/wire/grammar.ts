import { chatChecker } from './grammar/chat.ts';
import { Problems, readFrames } from './grammar/frames.ts';
import type { Checker, Problem } from './grammar/frames.ts';
import { messagesChecker } from './grammar/messages.ts';
import { responsesChecker } from './grammar/responses.ts';
import type { WireFormat } from './turn.ts';

export type { Problem } from './grammar/frames.ts';

const CHECKERS: Record<WireFormat, (problems: Problems) => Checker> = {
  chat: chatChecker,
  messages: messagesChecker,
  responses: responsesChecker,
};

/**
 * Checks a whole reply stream against the grammar that clients of its format rely on, and returns each breach with its
 * line. It shares no code with the codecs, so that it can judge them.
 */
export function checkStream(format: WireFormat, sseText: string): Problem[] {
  const problems = new Problems();
  const checker = CHECKERS[format](problems);
  for (const frame of readFrames(sseText)) {
    problems.at(frame);
    checker.frame(frame);
  }
  checker.end();
  return problems.list;
}
