import type { Codec } from '../codec.ts';
import { parseError, renderError } from './errors.ts';
import { parseReply, renderReply } from './reply.ts';
import { renderRequest } from './request-render.ts';
import { parseRequest } from './request.ts';
import { streamParser, streamRenderer } from './stream.ts';

/** OpenAI Chat Completions. */
export const chat: Codec = {
  format: 'chat',
  parseRequest,
  renderRequest,
  parseReply,
  streamParser,
  renderReply,
  streamRenderer,
  parseError,
  renderError,
};
