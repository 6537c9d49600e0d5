import type { Codec } from '../codec.ts';
import { parseError, renderError } from './errors.ts';
import { parseReply, streamParser } from './reply-parse.ts';
import { renderReply, streamRenderer } from './reply-render.ts';
import { parseRequest } from './request-parse.ts';
import { renderRequest } from './request-render.ts';

/** OpenAI Responses (`POST /v1/responses`). */
export const responses: Codec = {
  format: 'responses',
  parseRequest,
  renderRequest,
  parseReply,
  streamParser,
  renderReply,
  streamRenderer,
  parseError,
  renderError,
};
