import type { Codec } from '../codec.ts';
import { parseError, renderError } from './errors.ts';
import { parseReply, renderReply } from './reply.ts';
import { parseRequest } from './request-parse.ts';
import { renderRequest } from './request-render.ts';
import { streamParser } from './stream-parse.ts';
import { streamRenderer } from './stream-render.ts';

/** Anthropic Messages (`POST /v1/messages`). */
export const messages: Codec = {
  format: 'messages',
  parseRequest,
  renderRequest,
  parseReply,
  streamParser,
  renderReply,
  streamRenderer,
  parseError,
  renderError,
};
