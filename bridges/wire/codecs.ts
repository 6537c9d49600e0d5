import { chat } from './chat/index.ts';
import type { Codec } from './codec.ts';
import { messages } from './messages/index.ts';
import { responses } from './responses/index.ts';
import type { WireFormat } from './turn.ts';

/** Every wire format there is. */
export const codecs: Record<WireFormat, Codec> = { chat, messages, responses };
